import { fault } from "./fault.ts";
import { serve } from "./gateway/pipeline.ts";
import { pathOf, type RouteName, routeOf } from "./route.ts";
import { clientDocument } from "./upstream/oauth_client.ts";
import { type Env, originOf } from "./worker/env.ts";
import { partsOf } from "./worker/parts.ts";
import { ready } from "./worker/ready.ts";

export { GrantGate, SharedCounter, SignInThrottle, TeamLog, UpstreamAccount } from "./worker/objects.ts";

interface Visit {
  readonly request: Request;
  readonly pathname: string;
  readonly env: Env;
  readonly ctx: ExecutionContext;
}

const handlers: Readonly<Record<RouteName, (visit: Visit) => Response | Promise<Response>>> = {
  gateway: async ({ request, env, ctx }) => {
    const { gateway } = await partsOf(env);
    return serve(request, { ...gateway, waitUntil: (work) => ctx.waitUntil(work) });
  },
  api: async ({ request, env, ctx }) => {
    const { api } = await partsOf(env);
    return (await api()).fetch(request, env, ctx);
  },
  keys: async ({ env }) => {
    const { published } = await partsOf(env);
    return Response.json(published, { headers: { "Cache-Control": "public, max-age=300" } });
  },
  page: async ({ request, env }) => (await import("./web/pages.ts")).servePage(request, originOf(env)),
  connect_callback: async ({ request, env }) => {
    const { connect } = await partsOf(env);
    return (await connect())(request);
  },
  connect_client: ({ env }) =>
    Response.json(clientDocument(originOf(env)), {
      headers: { "Cache-Control": "public, max-age=300" },
    }),
  oauth: async ({ request, env }) => {
    const { oauth } = await partsOf(env);
    return (await oauth())(request);
  },
  sso: async ({ request, env }) => {
    const { sso } = await partsOf(env);
    return (await sso())(request);
  },
  healthz: () => Response.json({ alive: true }),
  readyz: ({ env }) => ready(env),
};

async function respond(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const pathname = pathOf(request.url);
  const route = routeOf(pathname);
  if (route === "gateway") return handlers.gateway({ request, pathname, env, ctx });
  const answer = route
    ? await handlers[route]({ request, pathname, env, ctx })
    : new Response("There is nothing here.\n", { status: 404 });
  return forBrowsers(answer);
}

/** What every browser is told by every answer, pages or not: agents' calls go without, as no browser makes them. */
function forBrowsers(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.set("X-Content-Type-Options", "nosniff");
  // Over http browsers pass over it (RFC 6797 §8.1), so it needs no condition.
  headers.set("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
  return new Response(answer.body, { status: answer.status, headers });
}

export default {
  async fetch(request, env, ctx) {
    try {
      return await respond(request, env, ctx);
    } catch (error) {
      console.error("the Worker is not set up", error);
      const { fault: code, detail } = fault(
        "misconfigured",
        "The gateway is not set up: see its log, and /readyz.",
      );
      return Response.json({ code, detail }, { status: 500 });
    }
  },
  async scheduled(_event, env) {
    const { runCron } = await import("./worker/cron.ts");
    await runCron(env);
  },
} satisfies ExportedHandler<Env>;
