/** What a server's `WWW-Authenticate` says of the bearer token that it wants (RFC 6750 §3, RFC 9728 §5.1). Hostile text. */
export interface Challenge {
  readonly error: string | null;
  readonly scope: string | null;
  readonly resourceMetadata: string | null;
}

const charsMax = 8_192;
// One parameter: a token, then a token or a quoted string (RFC 9110 §5.6, §11.2).
const parameter = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;
// A scheme stands at the beginning or behind a comma, and is followed by its parameters.
const bearer = /(?:^|,)\s*Bearer(?:\s+|$)/i;
const nextScheme = /,\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s+[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*=/;

/** The first Bearer challenge of an answer, or null where there is none. */
export function readChallenge(headers: Headers): Challenge | null {
  const text = (headers.get("WWW-Authenticate") ?? "").slice(0, charsMax);
  const start = bearer.exec(text);
  if (!start) return null;
  const rest = text.slice(start.index + start[0].length);
  const end = nextScheme.exec(rest)?.index ?? rest.length;
  const found = new Map<string, string>();
  for (const [, name = "", quoted, plain] of rest.slice(0, end).matchAll(parameter)) {
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
    if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), value);
  }
  return {
    error: found.get("error") ?? null,
    scope: scopeIn(found.get("scope")),
    resourceMetadata: found.get("resource_metadata") ?? null,
  };
}

const scopesMax = 50;
const scopeCharsMax = 1_024;

/** A scope as it may be asked for (RFC 6749 §3.3), or null where the text is none. */
export function scopeIn(text: unknown): string | null {
  if (typeof text !== "string" || text.length > scopeCharsMax) return null;
  const parts = [...new Set(text.split(" ").filter((part) => part !== ""))];
  const valid = parts.length > 0 && parts.length <= scopesMax && parts.every((part) => scopeToken.test(part));
  return valid ? parts.join(" ") : null;
}

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Both scopes in one, each part once. */
export const joinScopes = (one: string | null, other: string | null): string | null =>
  scopeIn([one, other].filter((scope) => scope !== null).join(" ")) ?? one;

/** Whether `held` has every part of `wanted`. */
export function coversScope(held: string, wanted: string): boolean {
  const has = new Set(held.split(" "));
  return wanted.split(" ").every((part) => has.has(part));
}
