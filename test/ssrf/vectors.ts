import { hosts } from "../upstream/addresses.ts";

/** Addresses of every forbidden host, with this port, where something listens on this machine. */
export const leadingTo = (port: number): readonly string[] => [
  ...hosts.flatMap((host) => [`https://${host}:${port}/`, `http://${host}:${port}/mcp`]),
  ...wrapped.map((write) => write(`127.0.0.1:${port}`)),
  ...wrapped.map((write) => write(`localhost:${port}`)),
];

/** How an address is made to look like another, or like none. */
const wrapped: readonly ((host: string) => string)[] = [
  (host) => `https://mcp.example.com@${host}/`,
  (host) => `https://mcp.example.com:443@${host}/`,
  (host) => `https://${host}\\@mcp.example.com/`,
  (host) => `https://mcp.example.com%40${host}/`,
  (host) => `https:\\\\${host}\\`,
  (host) => `https:/${host}/`,
  (host) => `https:${host}/`,
  (host) => `https:////${host}/`,
  (host) => `http://${host}#@mcp.example.com/`,
  (host) => `http://${host}?@mcp.example.com/`,
  (host) => `http://${host}/https://mcp.example.com/`,
  (host) => ` https://${host}/`,
  (host) => `https://${host}/ `,
  (host) => `ht\ttps://${host}/`,
  (host) => `https://\n${host}/`,
  (host) => `https://\u00ad${host}/`,
  (host) => `https://\u200b${host}/`,
  (host) => `https://${host}/\r\nHost: mcp.example.com`,
  (host) => `HTTPS://${host}/`,
  (host) => `ws://${host}/`,
  (host) => `wss://${host}/`,
  (host) => `ftp://${host}/`,
  (host) => `gopher://${host}/_x`,
  (host) => `blob:https://${host}/x`,
  (host) => `view-source:https://${host}/`,
  (host) => `//${host}/`,
];

/** Uniform in [0, 1). */
export type Chance = () => number;

/** The same vectors' ideas, put together at random: an address that must be refused, and a different one each time. */
export function drawn(chance: Chance, port: number): string {
  const scheme = pick(chance, ["https", "https", "http", "HTTPS", "wss", "ftp"]);
  const user = pick(chance, ["", "", "", "a@", "mcp.example.com:443@", ":x@"]);
  const host = pick(chance, [ipv4, ipv4, ipv6, privateName])(chance);
  const tail = pick(chance, ["/", "", "/mcp", "?a=@b", "#@mcp.example.com", "/../..", "/%00"]);
  return `${scheme}://${user}${host}:${port}${tail}`;
}

const pick = <T>(chance: Chance, from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T;
const below = (chance: Chance, end: number): number => Math.floor(chance() * end);

const networks: readonly ((chance: Chance) => number[])[] = [
  (chance) => [127, below(chance, 256), below(chance, 256), below(chance, 256)],
  () => [127, 0, 0, 1],
  () => [0, 0, 0, 0],
  (chance) => [10, below(chance, 256), below(chance, 256), below(chance, 256)],
  (chance) => [172, 16 + below(chance, 16), below(chance, 256), below(chance, 256)],
  (chance) => [192, 168, below(chance, 256), below(chance, 256)],
  () => [169, 254, 169, 254],
  (chance) => Array.from({ length: 4 }, () => below(chance, 256)),
];

/** An IPv4 address in one to four parts, each in any base, some characters of it written otherwise. */
function ipv4(chance: Chance): string {
  const octets = pick(chance, networks)(chance);
  const count = 1 + below(chance, 4);
  const head = octets.slice(0, count - 1);
  const rest = octets.slice(count - 1).reduce((sum, octet) => sum * 256 + octet, 0);
  const parts = [...head, rest].map((part) => inSomeBase(chance, part));
  const text = parts.join(pick(chance, [".", ".", ".", "。", "．", "｡"])) + pick(chance, ["", "", "."]);
  return disguised(chance, text);
}

function inSomeBase(chance: Chance, part: number): string {
  const zeros = "0".repeat(below(chance, 4));
  return pick(chance, [
    String(part),
    `0${zeros}${part.toString(8)}`,
    `0x${zeros}${part.toString(16)}`,
    `0X${part.toString(16).toUpperCase()}`,
  ]);
}

/** Full-width, circled or percent-encoded characters, all of which the URL parser turns back (UTS 46, RFC 3986 §2.1). */
const disguised = (chance: Chance, text: string): string =>
  [...text].map((character) => (chance() < 0.1 ? disguise(chance, character) : character)).join("");

function disguise(chance: Chance, character: string): string {
  if (!/[0-9a-z]/i.test(character)) return character;
  const percent = `%${character.charCodeAt(0).toString(16)}`;
  const wide = String.fromCharCode(character.charCodeAt(0) + 0xfee0);
  return pick(chance, [percent, wide]);
}

/** An IPv6 address, often with an IPv4 one inside: mapped, compatible, NAT64, 6to4, ISATAP or none of these. */
function ipv6(chance: Chance): string {
  const [a = 0, b = 0, c = 0, d = 0] = pick(chance, networks)(chance);
  const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
  const group = () => below(chance, 65_536).toString(16);
  const address = pick(chance, [
    () => "::1",
    () => `::ffff:${a}.${b}.${c}.${d}`,
    () => `::ffff:${high}:${low}`,
    () => `::${high}:${low}`,
    () => `64:ff9b::${high}:${low}`,
    () => `2002:${high}:${low}::1`,
    () => `fe80::5efe:${high}:${low}`,
    () => `fd${group().padStart(4, "0").slice(0, 2)}::${group()}`,
    () => Array.from({ length: 8 }, group).join(":"),
  ])();
  return `[${chance() < 0.5 ? address : address.toUpperCase()}]`;
}

const privateZones = [
  "localhost",
  "local",
  "internal",
  "home.arpa",
  "lan",
  "corp",
  "nip.io",
  "metadata.goog",
];

function privateName(chance: Chance): string {
  const label = () => below(chance, 1e9).toString(36);
  const zone = pick(chance, [...privateZones, ""]);
  const labels = zone === "" ? [label()] : [...Array.from({ length: below(chance, 3) }, label), zone];
  return disguised(chance, labels.join(".")) + pick(chance, ["", "", "."]);
}
