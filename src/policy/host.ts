/** A host that a list names: itself, or with `*.` every name below it (the apex is not below itself). */
export interface HostPattern {
  readonly host: string;
  readonly below: boolean;
}

/** Reads `example.com`, `*.example.com` or an IP address; null where it is anything else. */
export function hostPattern(text: string): HostPattern | null {
  const below = text.startsWith("*.");
  const written = below ? text.slice(2) : text;
  if (/[\s/\\@?#*%]/.test(written) || /^[^[]*:/.test(written)) return null;
  const host = parsedHost(`http://${written}/`);
  return host === null ? null : { host, below };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: URL parsers drop or move around exactly these, each its own way.
const ambiguous = /[\s\\\u0000-\u001f\u007f-\u009f]/u;

/** The host of an http(s) URL, or null where two parsers could see two hosts (policy.md §2, `host_in`). */
export function hostOf(url: string): string | null {
  const found = /^https?:\/\/([^/]+)/i.exec(url);
  const authority = found?.[1];
  if (!authority || /^[?#]/.test(authority) || ambiguous.test(url) || authority.includes("@")) return null;
  return parsedHost(url);
}

function parsedHost(url: string): string | null {
  if (!URL.canParse(url)) return null;
  // A trailing dot names the same host to the resolver.
  const host = new URL(url).hostname.replace(/\.$/, "");
  return host === "" || host.endsWith(".") ? null : host;
}

export const hostMatches = (host: string, pattern: HostPattern): boolean =>
  pattern.below ? host.endsWith(`.${pattern.host}`) : host === pattern.host;
