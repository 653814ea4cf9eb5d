// Programs that people really use; any other scheme must be a reversed domain name (RFC 8252 §7.1), which no browser acts on.
const knownSchemes = new Set([
  "claude",
  "code-oss",
  "cursor",
  "goose",
  "jetbrains",
  "kiro",
  "lmstudio",
  "raycast",
  "trae",
  "vscode",
  "vscode-insiders",
  "vscodium",
  "warp",
  "windsurf",
  "zed",
]);
const reversedDomain = /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/;
const charsMax = 512;

/** Whether codes may be sent to an address at all: https, a program on the person's own computer, or a program's own scheme. */
export function mayRedirectTo(uri: string): boolean {
  const url = uri.length <= charsMax && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(uri) ? URL.parse(uri) : null;
  if (!url || uri.includes("#") || url.username !== "" || url.password !== "") return false;
  // The address is named in a header of the page, where a host such as `a;b` would end what it is in.
  if (url.protocol === "https:") return /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])$/.test(url.hostname);
  if (url.protocol === "http:") return isLoopback(url);
  const scheme = url.protocol.slice(0, -1);
  return knownSchemes.has(scheme) || reversedDomain.test(scheme);
}

/** Whether it leads to a program on the person's own computer. */
export const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === "http:" && (hostname === "127.0.0.1" || hostname === "[::1]" || hostname === "localhost");

/**
 * Whether a client may be answered there: the text is one that it registered. Only the port of a loopback address is its
 * own to choose, at the time of the request (RFC 8252 §7.3).
 */
export const isRegistered = (given: string, registered: readonly string[]): boolean =>
  mayRedirectTo(given) && registered.some((one) => one === given || anyPort(one) === anyPort(given));

/** A loopback address without its port; any other as it is. */
export function anyPort(uri: string): string {
  const url = URL.parse(uri);
  if (!url || !isLoopback(url)) return uri;
  // Taken from the text and not from the parsed URL, which tidies what is to be compared exactly.
  return uri.replace(/^(http:\/\/(?:\[::1\]|[^/?#:]+)):\d{1,5}(?=[/?]|$)/, "$1");
}

/** Where a redirect leads, in the words of the page: a host, this computer, or a program. */
export function describeRedirect(uri: string): string {
  const url = new URL(uri);
  if (url.protocol === "https:") return url.host;
  return isLoopback(url)
    ? `a program on this computer (${url.host})`
    : `the program that opens ${url.protocol}`;
}

/** An address with the answer's parameters added to its own (RFC 6749 §3.1.2). */
export function withAnswer(uri: string, answer: Readonly<Record<string, string | null>>): string {
  const added = new URLSearchParams();
  for (const [name, value] of Object.entries(answer)) if (value !== null) added.set(name, value);
  return `${uri}${uri.includes("?") ? "&" : "?"}${added.toString()}`;
}
