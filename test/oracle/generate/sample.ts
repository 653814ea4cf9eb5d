import { exact, Num, type Obj, type Value } from "../value.ts";
import { words } from "./names.ts";
import type { Random } from "./random.ts";

/** `undefined` stands for a member that is left out. */
export type Sample = Value | undefined;

export const num = (source: string): Num => new Num(source);

export const numbers = [
  ...words`0 1 2 10 100 1000 1e3 2.50 0.1 -5 -0 1E2 17 9 0.000001 1000000000000`,
  ...words`9007199254740992 9007199254740993 0.30000000000000004 123456789012345678901234567890 1e-7 1e400`,
].map(num);
export const strings = words`usd eur gbp USD a ab abc abcd é 😀 ｆ admin member ci 10 1000 rm_-rf a.b a.bc Read 2026-11-21`;
const globs = ["a*", "*c", "a?c", "*", "?", "us?", "a.b*", "*/*", "[a]*", "*é*"];
export const globTexts = [
  "a",
  "abc",
  "abcd",
  "a/c",
  "a\nc",
  "usd",
  "us",
  "us😀",
  "a.b",
  "axb",
  "[a]b",
  "é",
  "",
];
export const patterns = [
  ...words`^abc$ ^[a-z]+_[0-9]{2,4}$ (foo|bar)baz? ^(a|b)*c$ colou?r ^.{2,3}$ x{3} [^a-z] \bword\b ^$`,
  ...words`a.*z \d+\.\d ^\w+$ ^(?:usd|eur)$ é+ ^😀?$ a|b+?c (?i:usd)`,
];
export const patternTexts = [
  ...words`abc abcd xabc a_12 ab_12345 a_1 foobar barba foobaz ababc c color colour colr ab a😀 😀😀 xx xxxx word`,
  ...words`swordy usd usdx é eé 😀 az abz 3.1 31 a-b b bbc ABC`,
  ...["", "abc\n", "a\nz", "a b", "a word b"],
];
const bases = ["/srv/data", "/srv/data/", "/", "/srv", "/srv/./data", "/a b"];
export const paths = [
  ...words`/srv/data /srv/data/ /srv/data/x /srv/database /srv/data/../secret /srv/data/./x /srv//data/x /srv /`,
  ...words`/srv/data/%2e%2e/x /srv/data/%252e%252e/x /srv/data/..%2fx /srv/data/a%2fb /srv/data/%zz /srv/data/%ff`,
  ...words`srv/data ../srv %2fsrv/data /srv/data%00 /srv/data/100%25 /srv/data/100% /srv/data/%25252525252e`,
  ...words`/srv/data/%2525252525252e /srv/data/%252525252e /etc/%252525252f /srv/data/a%20b /SRV/data /srv/data/... /../srv/data /srv/data/x/../y /srv/data/%e2%82%ac`,
  ...["/a b", "/srv/data/\u0000x", ""],
];
const hosts = ["example.com", "*.example.com", "api.example.com", "Example.ORG", "a-b.io"];
export const urls = [
  ...words`https://example.com https://example.com/ http://EXAMPLE.com:8080/x?y#z https://api.example.com/a`,
  ...words`https://a.b.example.com/ https://notexample.com/ https://example.com.evil.io/ https://user@example.com/`,
  ...words`https://example.com@evil.io/ https://example.com/@x https://evil.io?@example.com/ https://evil.io#@example.com`,
  ...words`ftp://example.com/ //example.com/ example.com javascript:alert(1) https://example.com. https:///example.com`,
  ...words`https:example.com https:/example.com https://example.com?x=1 https://example.com#y https://example.org/ HTTPS://a-b.io`,
  ...words`https://exam%70le.com/ https://example.com:/ https://example.com:443 https:// https://[::1]/`,
  ...[
    "https://example.com\\@evil.io/",
    " https://example.com/",
    "https://exa\tmple.com/",
    "https://example.com/a b",
    "",
  ],
];
const ordering = ["lt", "lte", "gt", "gte"];

/** A value that the operator takes in a document. */
export function wantedFor(op: string, random: Random): Value {
  switch (op) {
    case "exists":
      return random.chance(0.5);
    case "regex":
      return random.pick(patterns);
    case "glob":
      return random.pick(globs);
    case "path_within":
      return random.pick(bases);
    case "host_in":
      return random.some(hosts, 1 + random.below(3));
    case "length_lte":
      return num(String(random.below(5)));
    case "starts_with":
    case "ends_with":
      return random.pick(strings);
    case "in":
    case "not_in":
      return wantedList(random);
    default:
      return ordering.includes(op) ? ordered(random) : scalar(random);
  }
}

const ordered = (random: Random): Value =>
  random.chance(0.75) ? random.pick(numbers) : random.pick(strings);

export function scalar(random: Random): Value {
  const roll = random.below(20);
  if (roll < 8) return random.pick(numbers);
  if (roll < 16) return random.pick(strings);
  return roll < 19 ? random.chance(0.5) : null;
}

function wantedList(random: Random): Value {
  const length = 1 + random.below(3);
  if (random.chance(0.15)) return Array.from({ length }, () => scalar(random));
  return random.some<Value>(random.chance(0.4) ? numbers : strings, length);
}

const over = [`1${"0".repeat(64)}`, "1e401", "1e-401", `0.${"1".repeat(64)}`, "-1e0401"].map(num);
const limit = [`1${"0".repeat(63)}`, "1e-400", `0.${"1".repeat(63)}`, "1e+400"].map(num);
export const oddities: Sample[] = [
  undefined,
  null,
  true,
  false,
  "",
  [],
  {},
  "1000",
  num("1000"),
  [null],
  ...over,
  ...limit,
];

/** Any JSON at all. */
export function anything(random: Random): Value {
  const roll = random.below(10);
  if (roll < 7) return scalar(random);
  if (roll === 7) return random.some(strings, random.below(3));
  return roll === 8 ? { b: scalar(random), c: scalar(random) } : (random.pick(oddities) ?? null);
}

/** A value for which the operator most likely answers so. */
export function answering(op: string, wanted: Value, truth: boolean, random: Random): Sample {
  const negated = op === "neq" || op === "not_in";
  const yes = truth !== negated;
  if (op === "exists") return truth === wanted ? anything(random) : undefined;
  if (op === "eq" || op === "neq") return yes ? wanted : different(wanted, random);
  if (op === "in" || op === "not_in") {
    const member = Array.isArray(wanted) ? random.pick(wanted) : wanted;
    return yes ? member : different(member, random);
  }
  if (ordering.includes(op)) return beyond(wanted, op.startsWith("g") === truth, random);
  if (op === "contains") return yes ? [wanted] : [different(wanted, random)];
  if (op === "length_lte") return "a".repeat(truth ? 0 : 9);
  if (op === "path_within") return truth && typeof wanted === "string" ? `${wanted}/x` : "/etc/passwd";
  if (op === "host_in") return truth ? hostUrl(wanted, random) : "https://evil.io/";
  if (op === "regex" || op === "glob") return random.pick(op === "glob" ? globTexts : patternTexts);
  return truth ? wanted : "zzz";
}

function different(wanted: Value, random: Random): Value {
  if (wanted instanceof Num) return num(String(200 + random.below(50)));
  if (typeof wanted === "string") return `other${random.below(3)}`;
  return typeof wanted === "boolean" ? !wanted : wanted;
}

function beyond(wanted: Value, above: boolean, random: Random): Value {
  if (typeof wanted === "string") return above ? `${wanted}~` : "";
  const value = wanted instanceof Num ? exact(wanted) : null;
  if (value === null) return wanted;
  const by = BigInt(1 + random.below(3));
  return num(`${above ? value.units + by : value.units - by}e${-value.places}`);
}

function hostUrl(wanted: Value, random: Random): string {
  const host = Array.isArray(wanted) ? String(random.pick(wanted)) : "example.com";
  return `https://${host.replace("*", "api")}/x`;
}

export const record = (entries: [string, Sample][]): Obj => {
  const kept = entries.filter((entry): entry is [string, Value] => entry[1] !== undefined);
  return Object.fromEntries(kept);
};
