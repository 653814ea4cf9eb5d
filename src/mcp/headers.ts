import type { Era } from "./revision.ts";

const userAgent = "Portcullis (MCP gateway)";
const outAllowed = new Set([
  "accept",
  "content-type",
  "traceparent",
  "tracestate",
  "baggage",
  "last-event-id",
]);
const backAllowed = new Set(["x-accel-buffering", "allow", "retry-after"]);
// An upstream's session id travels sealed, so neither side's raw one may pass.
const sessionHeader = "mcp-session-id";
// MCP 2026-07-28: they repeat the body. On a legacy request nobody has compared them with it.
const mirrors = /^mcp-(?:method$|name$|param-)/;

/** The caller's headers that may reach an upstream, and our own user agent: an allow-list, so no credential can. */
export function headersOut(incoming: Headers, era: Era): Headers {
  const out = new Headers();
  // By name: to have each value as well costs more than to ask for the few that go.
  for (const name of incoming.keys()) {
    const allowed = outAllowed.has(name) || (isMcp(name) && !(era === "legacy" && mirrors.test(name)));
    if (allowed) out.set(name, incoming.get(name) ?? "");
  }
  out.set("user-agent", userAgent);
  return out;
}

/** The upstream's headers that may reach the caller: nothing that sets state, names a login or opens another origin. */
export function headersBack(upstream: Headers): Headers {
  const back = new Headers();
  for (const name of upstream.keys()) {
    if (backAllowed.has(name) || isMcp(name)) back.set(name, upstream.get(name) ?? "");
  }
  const type = upstream.get("content-type");
  if (type !== null) back.set("content-type", harmlessType(type));
  back.set("cache-control", privately(upstream.get("cache-control")));
  back.set("x-content-type-options", "nosniff");
  return back;
}

const isMcp = (name: string): boolean => name.startsWith("mcp-") && name !== sessionHeader;

const protocolType = /^(?:application\/json|text\/event-stream)[ \t]*(?:;|$)/i;

/** MCP speaks two media types; any other (a proxy's HTML error) goes on as text, so that no browser runs it on our origin. */
const harmlessType = (type: string): string => (protocolType.test(type) ? type : "text/plain; charset=utf-8");

const shared = /^(?:public|private|s-maxage|immutable|proxy-revalidate)\b/i;

/** The upstream's caching directives less those for shared caches: every answer was judged for one grant. */
function privately(directives: string | null): string {
  const kept = (directives ?? "no-store")
    .split(",")
    .map((directive) => directive.trim())
    .filter((directive) => directive !== "" && !shared.test(directive));
  return ["private", ...kept].join(", ");
}
