import { type Fault, fault } from "../fault.ts";

/** What an address may be in this deployment. */
export interface GuardRules {
  /** The development switch: also takes `http://127.0.0.1` and `http://localhost`, and nothing else besides. */
  readonly allowLoopback: boolean;
  /** PUBLIC_ORIGIN: a gateway that calls itself is a loop, and a way round its own door. */
  readonly ownOrigin: string;
}

// Longer than any address a person registers; parsing stays cheap.
const urlCharsMax = 2048;

// One text for every reason, so that the answer cannot be used to map what is behind it.
const refused = fault(
  "invalid",
  "This address cannot be used. Give the https address of a server with a public host name: no IP address, no user " +
    "name or password, no private or local name, and not this gateway's own.",
);

/**
 * Whether the gateway may connect to an address that a tenant, an upstream or a client named. Judges the parsed URL,
 * which is the one that must then be fetched. Names are not resolved: a Worker cannot pin what DNS answers, and the
 * platform's `global_fetch_strictly_public` stands behind this.
 */
export function judgeUrl(text: string, rules: GuardRules): Judged {
  const known = judged.get(rules) ?? new Map<string, Judged>();
  const verdict = known.get(text) ?? judgeNew(text, rules);
  // The same few addresses are asked for at every call.
  if (known.size >= judgedMax) known.clear();
  judged.set(rules, known.set(text, verdict));
  return verdict;
}

type Judged = { readonly ok: true; readonly url: URL } | Fault;

const judgedMax = 256;
const judged = new WeakMap<GuardRules, Map<string, Judged>>();

function judgeNew(text: string, rules: GuardRules): Judged {
  if (text.length > urlCharsMax || ambiguous.test(text)) return refused;
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "") return refused;
  const allowed = isPublic(url, rules) || (rules.allowLoopback && isOtherLoopback(text, url, rules));
  return allowed ? { ok: true, url } : refused;
}

// The parser drops tabs and line breaks, trims spaces and turns a backslash into a slash; another reader may not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const ambiguous = /[\u0000-\u0020\u007f\\]/;

function isPublic(url: URL, { ownOrigin }: GuardRules): boolean {
  return (
    url.protocol === "https:" && isPublicName(url.hostname) && url.hostname !== new URL(ownOrigin).hostname
  );
}

// RFC 6761, 6762, 8375 and 9476, and what private networks use in practice.
const privateZones = [
  "localhost",
  "local",
  "localdomain",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "arpa",
  "onion",
  "alt",
];
// Public names that exist to lead to another machine: metadata services, and wildcards that resolve to any address.
const rebindingZones = [
  "metadata.goog",
  "nip.io",
  "sslip.io",
  "xip.io",
  "localtest.me",
  "lvh.me",
  "vcap.me",
  "lacolhost.com",
  "traefik.me",
  "rbndr.us",
  "1u.ms",
];
const closed = new Set([...privateZones, ...rebindingZones]);

const label = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

/** `host` as the URL parser wrote it: lower case, punycode, IPv4 in dotted form, IPv6 in brackets. */
function isPublicName(host: string): boolean {
  const labels = host.split(".");
  const top = labels.at(-1) ?? "";
  if (labels.length < 2 || !/[a-z]/.test(top) || !labels.every((part) => label.test(part))) return false;
  return !labels.some((_, start) => closed.has(labels.slice(start).join(".")));
}

const loopbackText = /^http:\/\/(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?(?:[/?#]|$)/;

/** Only these two spellings; never ourselves, whose two names are one machine, so that the port tells. */
function isOtherLoopback(text: string, url: URL, { ownOrigin }: GuardRules): boolean {
  const own = new URL(ownOrigin);
  return loopbackText.test(text) && isLoopbackOrigin(ownOrigin) && portOf(url) !== portOf(own);
}

const portOf = (url: URL): string => url.port || (url.protocol === "https:" ? "443" : "80");

/** Whether the gateway itself is only reachable from its own machine. */
export function isLoopbackOrigin(origin: string): boolean {
  const host = URL.parse(origin)?.hostname;
  return host === "localhost" || host === "127.0.0.1" || host === "[::1]";
}

/**
 * The rules from the Worker's settings (`ALLOW_LOOPBACK_UPSTREAMS` is "true" or absent). A gateway that the public can
 * reach must not have the switch on: that is refused rather than ignored, so that nobody believes it works.
 */
export function guardRules(ownOrigin: string, allowLoopback: string | undefined): GuardRules | Fault {
  if (!URL.canParse(ownOrigin)) return fault("misconfigured", "PUBLIC_ORIGIN must be this gateway's origin.");
  if (allowLoopback !== "true") return { allowLoopback: false, ownOrigin };
  if (isLoopbackOrigin(ownOrigin)) return { allowLoopback: true, ownOrigin };
  return fault(
    "misconfigured",
    "ALLOW_LOOPBACK_UPSTREAMS is for development: unset it, or set PUBLIC_ORIGIN to a loopback address.",
  );
}
