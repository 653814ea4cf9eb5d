// `__Host-` binds it to this very host, path / and https (RFC 6265bis §4.1.3.2): no neighbour under the same domain can
// set or shadow it. Browsers take Secure cookies from http on loopback, too; Safari alone does not.
const name = "__Host-session";
const attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";

/**
 * `Set-Cookie` for a browser's session. Lax and not Strict: a client's link to `/authorize`, an identity provider's way
 * back and the links in mails come from elsewhere, and whoever follows them is to be known. Such a request only reads;
 * what changes something needs our own origin besides (`sign_in.ts`).
 */
export const sessionCookie = (token: string, maxAgeS: number): string =>
  `${name}=${token}; Max-Age=${maxAgeS}; ${attributes}`;

/** `Set-Cookie` that makes the browser forget it. */
export const noSessionCookie = `${name}=; Max-Age=0; ${attributes}`;

/** The session token in a request's cookies; null where there is none, or more than one. */
export function sessionInCookie(headers: Headers): string | null {
  const values = (headers.get("Cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  const [only, ...more] = values;
  return only === undefined || more.length > 0 ? null : only.slice(name.length + 1);
}
