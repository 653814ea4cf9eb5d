import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { type FaultCode, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { addressOf } from "../identity/attempt.ts";
import { signedIn } from "../identity/sign_in.ts";
import { readBody } from "./body.ts";
import type { ApiDeps } from "./deps.ts";
import { nothingHere, type Operation } from "./operation.ts";
import { operations } from "./operations.ts";
import { problem } from "./problem.ts";
import { type Reply, writeBody } from "./reply.ts";

export type RestApi = Hono<{ Variables: { requestId: string } }>;
type ApiContext = Context<{ Variables: { requestId: string } }>;

/** The REST control plane under `/v1`: every route is a line of `operations.ts`. */
export function restApi(deps: ApiDeps): RestApi {
  const app: RestApi = new Hono();
  app.use(async (context, next) => {
    context.set("requestId", newId("req", deps.random));
    await next();
  });
  app.notFound((context) => problem(nothingHere, context.get("requestId"), deps.origin));
  app.onError((error, context) => {
    const requestId = context.get("requestId");
    console.error("a request failed", { requestId, error });
    return problem(fault("unavailable", "This did not work. Try again shortly."), requestId, deps.origin);
  });
  for (const operation of operations) {
    app.on(operation.method.toUpperCase(), routePath(operation.path), (context) =>
      answer(operation, deps, context),
    );
  }
  for (const [path, methods] of methodsByPath(operations)) {
    app.all(routePath(path), (context) => methodNotAllowed(methods, context.get("requestId"), deps.origin));
  }
  return app;
}

const routePath = (template: string): string => template.replaceAll(/\{(\w+)\}/g, ":$1");

function methodsByPath(all: readonly Operation[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, method } of all) found.set(path, [...(found.get(path) ?? []), method.toUpperCase()]);
  return found;
}

function methodNotAllowed(methods: readonly string[], requestId: string, origin: string): Response {
  const allowed = methods.join(", ");
  const response = problem(fault("method_not_allowed", `This address takes ${allowed}.`), requestId, origin);
  response.headers.set("Allow", allowed);
  return response;
}

async function answer(operation: Operation, deps: ApiDeps, context: ApiContext): Promise<Response> {
  const requestId = context.get("requestId");
  const { req } = context;
  const header = (name: string): string | null => req.header(name) ?? null;
  const outcome = await operation.run({
    deps,
    requestId,
    nowMs: deps.now(),
    params: req.param(),
    query: req.query(),
    header,
    address: addressOf(header, deps.origin),
    body: () => readBody(req.raw, operation.bodyOptional),
    signIn: () => signedIn(req.raw, deps),
  });
  if (isFault(outcome) && turnedAway.has(outcome.fault)) {
    deps.refusals.unknown(operation.path.startsWith("/v1/login") ? "login" : "control_plane");
  }
  return isFault(outcome) ? problem(outcome, requestId, deps.origin) : success(outcome, requestId);
}

/** Refusals of somebody of whom nothing is known. */
const turnedAway: ReadonlySet<FaultCode> = new Set(["unauthenticated", "bad_origin", "throttled"]);

function success({ status, body, headers }: Reply, requestId: string): Response {
  const all = { ...headers, "X-Request-Id": requestId, "Cache-Control": "no-store" };
  if (body === undefined) return new Response(null, { status, headers: all });
  if (body instanceof ReadableStream) return new Response(body, { status, headers: all });
  return new Response(writeBody(body), { status, headers: { ...all, "Content-Type": "application/json" } });
}
