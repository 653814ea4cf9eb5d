import { isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { addressOf, type Deed, ration } from "../identity/attempt.ts";
import { authorize } from "./authorize.ts";
import { ClientDocuments } from "./client_document.ts";
import type { OAuthCall, OAuthDeps } from "./deps.ts";
import { resourceMetadata, serverMetadata } from "./metadata.ts";
import { answerRefusal, refuse } from "./refusal.ts";
import { register } from "./registration.ts";
import { revoke } from "./revocation.ts";
import { token } from "./token.ts";

/** The authorization server for MCP clients, at the origin's root. */
export type OAuthServer = (request: Request) => Promise<Response>;

type Endpoint = (request: Request, call: OAuthCall) => Promise<Response>;

/** What is posted to by programs, which may run in a browser; none of it reads a cookie. */
const posts: Readonly<Record<string, { readonly deed: Deed; readonly answer: Endpoint }>> = {
  "/token": { deed: "token", answer: token },
  "/register": { deed: "register_client", answer: register },
  "/revoke": { deed: "token", answer: revoke },
};

/** Builds the server; what it keeps of clients' documents lives as long as it does. */
export function oauthServer(given: Omit<OAuthDeps, "documents">): OAuthServer {
  const deps: OAuthDeps = { ...given, documents: new ClientDocuments(given.fetch, given.now) };
  return async (request) => {
    const { pathname } = new URL(request.url);
    const requestId = newId("req", deps.random);
    const address = addressOf((name) => request.headers.get(name), deps.origin);
    const call: OAuthCall = { deps, requestId, nowMs: deps.now(), address };
    const answer = await route(pathname, request, call).catch((error: unknown) => {
      console.error("the authorization server threw", { requestId, error });
      return answerRefusal(refuse("temporarily_unavailable", "This did not work. Try again shortly."));
    });
    answer.headers.set("X-Request-Id", requestId);
    return answer;
  };
}

async function route(pathname: string, request: Request, call: OAuthCall): Promise<Response> {
  if (pathname === "/authorize") return authorize(request, call);
  const answer = Object.hasOwn(posts, pathname)
    ? await answerPost(pathname, request, call)
    : answerMetadata(pathname, request, call.deps.origin);
  answer.headers.set("Access-Control-Allow-Origin", "*");
  return answer;
}

async function answerPost(pathname: string, request: Request, call: OAuthCall): Promise<Response> {
  if (request.method === "OPTIONS") return preflight("POST");
  const post = posts[pathname];
  if (request.method !== "POST" || !post) return notAllowed("POST");
  const waits = call.address === null ? null : await ration(post.deed, `address ${call.address}`, call.deps);
  if (!isFault(waits)) return post.answer(request, call);
  const { retryAfterS = 60 } = waits;
  return answerRefusal({ ...refuse("slow_down", waits.detail), retryAfterS });
}

const wellKnown = "/.well-known";
const resourcePath =
  /^\/\.well-known\/oauth-protected-resource(\/mcp\/[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9-]{0,62})$/;

/** Documents that say where things are. Whatever else is asked for there is a plain 404, which clients go on from. */
function answerMetadata(pathname: string, request: Request, origin: string): Response {
  const resource = resourcePath.exec(pathname)?.[1];
  const isServer = pathname === `${wellKnown}/oauth-authorization-server`;
  if (!resource && !isServer) return new Response("There is nothing here.\n", { status: 404 });
  if (request.method === "OPTIONS") return preflight("GET");
  if (request.method !== "GET" && request.method !== "HEAD") return notAllowed("GET");
  const document = resource ? resourceMetadata(origin, resource) : serverMetadata(origin);
  return Response.json(document, { headers: { "Cache-Control": "public, max-age=300" } });
}

/** Any page may ask, because nothing here is answered by who the browser's person is. */
const preflight = (method: "GET" | "POST"): Response =>
  new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": method,
      "Access-Control-Allow-Headers": "Authorization, Content-Type, MCP-Protocol-Version",
      "Access-Control-Max-Age": "86400",
    },
  });

const notAllowed = (method: "GET" | "POST"): Response =>
  new Response(null, { status: 405, headers: { Allow: method } });
