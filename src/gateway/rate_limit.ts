import type { LimitState } from "../gate/rpc.ts";

/** Structured-field string (RFC 9651 §3.3.3): printable ASCII, with quote and backslash escaped. */
const quoted = (text: string): string =>
  `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, (character) => `\\${character}`)}"`;

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000));

/**
 * The headers that tell a client how its limits stand: `RateLimit` and `RateLimit-Policy` of
 * draft-ietf-httpapi-ratelimit-headers, an item a limit, and `Retry-After` where the call was refused for one.
 */
export function rateLimitHeaders(
  limits: readonly LimitState[],
  retryAfterMs: number | null,
): [name: string, value: string][] {
  const headers: [string, string][] = [];
  if (limits.length > 0) {
    const policy = limits.map((one) => `${quoted(one.counter)};q=${one.max};w=${seconds(one.windowMs)}`);
    const state = limits.map((one) => `${quoted(one.counter)};r=${one.remaining};t=${seconds(one.resetMs)}`);
    headers.push(["RateLimit-Policy", policy.join(", ")], ["RateLimit", state.join(", ")]);
  }
  if (retryAfterMs !== null) headers.push(["Retry-After", String(seconds(retryAfterMs))]);
  return headers;
}
