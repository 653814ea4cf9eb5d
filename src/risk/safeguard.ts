import type { Json } from "../json/value.ts";
import { described, objectOf, type Parameter } from "./parameters.ts";
import type { Rated } from "./rated.ts";
import type { Tier } from "./tier.ts";

/** A part of a rule, by its key, and why it is there. */
export interface Safeguard {
  readonly key: "deny_if" | "arguments" | "nested" | "redact";
  readonly because: string;
  readonly value: unknown;
}

/** What the flags and the parameters' roles call for, whatever the category: each key at most once. */
export function safeguardsOf(tool: Rated, tier: Tier): Safeguard[] {
  return [nestedCalls(tool), places(tool), argumentsOf(tool, tier), secrets(tool)].filter(
    (one) => one !== null,
  );
}

function nestedCalls({ risk }: Rated): Safeguard | null {
  const nested = risk.evidence.find((one) => one.nested)?.nested;
  if (!nested) return null;
  const because = `It carries calls of other tools in ${nested.each}: each is judged as if it came alone.`;
  return { key: "nested", value: nested, because };
}

// Where a machine keeps what is nobody's business: itself, its network, and what a cloud tells its own machines.
const insideHosts = [
  "localhost",
  "*.localhost",
  "*.local",
  "*.internal",
  "*.home.arpa",
  "127.0.0.1",
  "0.0.0.0",
  "[::1]",
  "169.254.169.254",
];
const systemRoots = ["/etc", "/proc", "/sys", "/dev", "/root"];

/** Where a URL or a path of the caller's may not lead. */
function places({ parameters }: Rated): Safeguard | null {
  const groups = parameters.flatMap((parameter) => [...inside(parameter), ...outside(parameter)]);
  if (groups.length === 0) return null;
  const named = [...new Set(groups.map(({ name }) => name))].join(", ");
  const value = groups.map(({ conditions, on_deny }) => ({ conditions, on_deny }));
  const because = `The caller says where it leads (${named}): not to the server's own network, nor out of its files.`;
  return { key: "deny_if", value, because };
}

interface Group {
  readonly name: string;
  readonly conditions: readonly object[];
  readonly on_deny: string;
}

function inside({ name, words, role, type }: Parameter): Group[] {
  // `host_in` reads http and https alone; what may be another kind of URI would be refused by it.
  if (role !== "url" || !words.some((word) => /^(?:urls?|href|webhook)$/.test(word))) return [];
  const path = pathTo(name, type);
  if (path === null) return [];
  const conditions = [{ path, op: "host_in", value: insideHosts }];
  return [{ name, conditions, on_deny: `${name} leads into the server's own network.` }];
}

// Dots that climb, and the escapes that could become them in a server that decodes once more.
const climbing = "(^|[/\\\\])\\.\\.([/\\\\]|$)|%(2[eEfF]|5[cC])";

function outside({ name, role, type, schema }: Parameter): Group[] {
  const path = role === "path" ? pathTo(name, type) : null;
  if (path === null) return [];
  const climbs = { path, op: "regex", value: climbing };
  const roots = isAbsolute(schema) ? systemRoots : [];
  return [
    { name, conditions: [climbs], on_deny: `${name} leads out of its directory.` },
    ...roots.map((root) => ({
      name,
      conditions: [{ path, op: "path_within", value: root }],
      on_deny: `${root} is the system's.`,
    })),
  ];
}

/** `path_within` takes absolute paths alone, so it is used where the schema says that these are. */
function isAbsolute(schema: Map<string, Json>): boolean {
  const given = [schema.get("default"), schema.get("pattern"), schema.get("examples")].flat();
  return (
    given.some((one) => typeof one === "string" && /^\^?\//.test(one)) ||
    (/\babsolute\b/i.test(described(schema)) && !/\brelative\b/i.test(described(schema)))
  );
}

/** How a condition names the parameter, or null where the language has no such name for it. */
function pathTo(name: string, type: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/.test(name) || name === "__proto__") return null;
  if (type === "array") return `args.${name}[*]`;
  return type === "string" || type === "" ? `args.${name}` : null;
}

const itemsMax: Record<Tier, number> = { strict: 10, recommended: 50, permissive: 500 };
const recipientsMax: Record<Tier, number> = { strict: 1, recommended: 10, permissive: 100 };

/** Amounts above nothing, lists with an end, and for a strict tier no argument that the definition does not name. */
function argumentsOf(tool: Rated, tier: Tier): Safeguard | null {
  const { parameters, closed, risk } = tool;
  if (risk.category === "Read") return null;
  const bounded = parameters.flatMap((parameter) => bound(parameter, tier));
  const close = tier === "strict" && closed;
  if (bounded.length === 0 && !close) return null;
  const named = close ? parameters.map(({ name }) => [name, {}] as const) : [];
  const properties = Object.fromEntries([
    ...named,
    ...bounded.map(({ name, schema }) => [name, schema] as const),
  ]);
  const value = { type: "object", properties, ...(close && { additionalProperties: false }) };
  const because = [
    ...bounded.map(({ because }) => because),
    ...(close ? ["Arguments that its definition does not name are refused."] : []),
  ];
  return { key: "arguments", value, because: because.join(" ") };
}

interface Bound {
  readonly name: string;
  readonly schema: object;
  readonly because: string;
}

function bound({ name, role, type, schema }: Parameter, tier: Tier): Bound[] {
  if (role === "amount" && (type === "number" || type === "integer")) {
    return [
      {
        name,
        schema: { exclusiveMinimum: 0 },
        because: `${name} is above zero, so that nothing flows back.`,
      },
    ];
  }
  if (type !== "array" || (role !== "recipient" && role !== "id")) return [];
  const most = role === "recipient" ? recipientsMax[tier] : itemsMax[tier];
  const own = schema.get("maxItems");
  if (
    objectOf(schema)?.has("maxItems") &&
    Number(typeof own === "object" && own !== null && "text" in own ? own.text : most) <= most
  )
    return [];
  return [
    {
      name,
      schema: { maxItems: most },
      because: `${name} has at most ${most}, so that one call does not reach everybody.`,
    },
  ];
}

/** What the caller keeps secret is neither stored nor shown to an approver. */
function secrets({ risk }: Rated): Safeguard | null {
  const named = risk.evidence.filter(({ source, says }) => source === "parameter" && says === "secret");
  const value = named.flatMap(({ token }) => pathTo(token, "") ?? []);
  if (value.length === 0) return null;
  return { key: "redact", value, because: "Its value is never stored nor shown." };
}
