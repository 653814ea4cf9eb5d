/**
 * The policy language a second time: naive, slow, straight from its description, and sharing no code with `src/policy`.
 * It reads a document anew for every call. Numbers are texts (`Num`), as in the source of a message.
 */
export class Num {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Value = null | boolean | string | Num | Value[] | { [name: string]: Value };
type Objekt = { [name: string]: Value };

export interface Asked {
  kind: "tool" | "resource" | "prompt";
  name: string;
  args: Objekt;
  team: Objekt | null;
  server: Objekt | null;
  frozen: string;
  pins: Record<string, { category: string; risk: string }>;
  facts: Record<string, Value | undefined>;
}

export interface Answer {
  effect: string;
  rule: string;
  reason: string;
  /** Each limit by its id, and what the message adds to its counter in millionths. */
  counts: string[];
}

class Unclear extends Error {}
// One for all: writing the stack down each time would take a sixth of the whole comparison.
const cannotEvaluate = new Unclear();
const unclear = (): never => {
  throw cannotEvaluate;
};

const isObject = (value: Value | undefined): value is Objekt =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Num);
const typeOf = (value: Value): string =>
  value === null ? "null" : value instanceof Num ? "number" : Array.isArray(value) ? "array" : typeof value;
const list = (value: Value | undefined): Value[] => (Array.isArray(value) ? value : []);
const object = (value: Value | undefined): Objekt => (isObject(value) ? value : {});
const string = (value: Value | undefined): string => (typeof value === "string" ? value : "");

/** The exact value as a numerator over 10^500. */
function exact(number: Num): bigint {
  const [mantissa = "", exponent = "0"] = number.text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  if (whole.length + fraction.length > 64 || Math.abs(Number(exponent)) > 400) return unclear();
  const size = BigInt(whole + fraction) * 10n ** BigInt(500 + Number(exponent) - fraction.length);
  return mantissa.startsWith("-") ? -size : size;
}

export function write(value: Value): string {
  if (value instanceof Num) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (isObject(value)) {
    return `{${Object.entries(value)
      .map(([name, one]) => `${JSON.stringify(name)}:${write(one)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value);
}

const byCodePoints = (a: string, b: string): number => {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
};

function equal(a: Value, b: Value): boolean {
  if (typeOf(a) !== typeOf(b) || Array.isArray(a) || isObject(a)) return unclear();
  return a instanceof Num && b instanceof Num ? exact(a) === exact(b) : a === b;
}

function order(a: Value, b: Value): number {
  if (a instanceof Num && b instanceof Num) {
    const [left, right] = [exact(a), exact(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return typeof a === "string" && typeof b === "string" ? byCodePoints(a, b) : unclear();
}

function oneOf(value: Value, members: Value[]): boolean {
  if (value instanceof Num) exact(value);
  const alike = members.filter((member) => typeOf(member) === typeOf(value));
  if (alike.length === 0) unclear();
  return alike.some((member) => equal(value, member));
}

const text = (value: Value): string => (typeof value === "string" ? value : unclear());

/** A glob by trying every way: fine for the short texts of a test. */
function globs(pattern: string[], word: string[], crossing: boolean): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return word.length === 0;
  if (first === "*") {
    if (globs(rest, word, crossing)) return true;
    return word.length > 0 && (crossing || word[0] !== "/") && globs(pattern, word.slice(1), crossing);
  }
  return word.length > 0 && (first === "?" || first === word[0]) && globs(rest, word.slice(1), crossing);
}
const glob = (pattern: string, word: string, crossing = false): boolean =>
  globs([...pattern], [...word], crossing);

function hostIn(value: string, hosts: string[]): boolean {
  if (!/^https?:\/\/[^/?#]/i.test(value) || /[\s\\]/.test(value)) unclear();
  for (const character of value)
    if (character < " " || (character >= "\u007f" && character <= "\u009f")) unclear();
  if ((value.split("/")[2] ?? "").includes("@") || !URL.canParse(value)) unclear();
  const labels = new URL(value).hostname.split(".");
  if (labels.at(-1) === "") labels.pop();
  return hosts.some((pattern) => {
    const wanted = pattern.split(".");
    if (wanted[0] !== "*") return wanted.join(".") === labels.join(".");
    return (
      labels.length >= wanted.length &&
      labels.slice(labels.length - wanted.length + 1).join(".") === wanted.slice(1).join(".")
    );
  });
}

function pathWithin(value: string, root: string): boolean {
  const forms = [value];
  for (;;) {
    const last = forms.at(-1) ?? "";
    if (last.includes("\0")) unclear();
    let next = "";
    try {
      next = decodeURIComponent(last);
    } catch {
      unclear();
    }
    if (next === last) break;
    if (forms.length === 6) unclear();
    forms.push(next);
  }
  const resolve = (path: string): string => {
    if (path[0] !== "/") unclear();
    let parts: string[] = [];
    for (const part of path.split("/")) {
      if (part === "..") parts = parts.slice(0, -1);
      else if (part && part !== ".") parts = [...parts, part];
    }
    return `/${parts.map((part) => `${part}/`).join("")}`;
  };
  return forms.map(resolve).every((form) => form.startsWith(resolve(root)));
}

function holds(value: Value, op: string, operand: Value): boolean {
  switch (op) {
    case "eq":
      return equal(value, operand);
    case "neq":
      return !equal(value, operand);
    case "lt":
      return order(value, operand) < 0;
    case "lte":
      return order(value, operand) <= 0;
    case "gt":
      return order(value, operand) > 0;
    case "gte":
      return order(value, operand) >= 0;
    case "in":
      return oneOf(value, list(operand));
    case "not_in":
      return !oneOf(value, list(operand));
    case "exists":
      return operand === true;
    case "regex":
      return new RegExp(string(operand), "u").test(text(value));
    case "contains":
      if (typeof value === "string") return value.includes(text(operand));
      return Array.isArray(value) ? value.map((member) => equal(member, operand)).includes(true) : unclear();
    case "starts_with":
      return text(value).startsWith(string(operand));
    case "ends_with":
      return text(value).endsWith(string(operand));
    case "glob":
      return glob(string(operand), text(value));
    case "length_lte": {
      const most = Number(operand instanceof Num ? operand.text : Number.NaN);
      return Array.isArray(value) ? value.length <= most : [...text(value)].length <= most;
    }
    case "host_in":
      return hostIn(text(value), list(operand).map(string));
    case "path_within":
      return pathWithin(text(value), string(operand));
    default:
      throw new Error(`no operator ${op}`);
  }
}

const laterIn = (word: string): boolean => /\$\w+[.[]|\$\{|\{\{/.test(word);
const filledLater = (value: Value): boolean =>
  typeof value === "string"
    ? laterIn(value)
    : Array.isArray(value)
      ? value.some(filledLater)
      : isObject(value) && Object.entries(value).some(([name, one]) => laterIn(name) || filledLater(one));

const stepsOf = (path: string): string[] => path.match(/[^.[\]]+/g) ?? [];

function condition(
  one: Objekt,
  every: boolean,
  args: Objekt,
  facts: Asked["facts"],
  templates: boolean,
): boolean {
  const [path, op, operand] = [string(one["path"]), string(one["op"]), one["value"] ?? null];
  const inArgs = path.startsWith("args.");
  const look = (value: Value | undefined, steps: string[]): boolean => {
    if (value === undefined) return op === "exists" && operand === false;
    const [step, ...rest] = steps;
    if (step === undefined) {
      if (inArgs && templates && filledLater(value)) unclear();
      return holds(value, op, operand);
    }
    if (step === "*") {
      const outcomes = Array.isArray(value) ? value.map((element) => look(element, rest)) : unclear();
      return every ? !outcomes.includes(false) : outcomes.includes(true);
    }
    if (/^\d+$/.test(step)) return Array.isArray(value) ? look(value[Number(step)], rest) : unclear();
    if (!isObject(value)) return unclear();
    if (inArgs && templates && Object.keys(value).some(laterIn)) unclear();
    return look(Object.hasOwn(value, step) ? value[step] : undefined, rest);
  };
  return inArgs ? look(args, stepsOf(path).slice(1)) : look(facts[path], []);
}

/** true, false, or the text of the condition that could not be evaluated. */
function group(
  conditions: Value[],
  every: boolean,
  ...rest: [Objekt, Asked["facts"], boolean]
): boolean | string {
  let all = true;
  let failed: string | null = null;
  for (const one of conditions.map(object)) {
    try {
      if (!condition(one, every, ...rest)) all = false;
    } catch (error) {
      if (!(error instanceof Unclear)) throw error;
      failed ??= `cannot evaluate ${string(one["path"])} ${string(one["op"])} ${write(one["value"] ?? null)}`;
    }
  }
  return failed ?? all;
}

const pointer = (token: string): string => token.replaceAll("~", "~0").replaceAll("/", "~1");

function groupId(groups: Value[], index: number): string {
  const nameOf = (one: Value | undefined): string => {
    const first = object(list(object(one)["conditions"])[0]);
    return "path" in first ? `${string(first["path"])}-${string(first["op"])}` : "always";
  };
  return numbered(groups.map(nameOf), index);
}

function numbered(names: string[], index: number): string {
  const name = names[index] ?? "";
  const nth = names.slice(0, index + 1).filter((one) => one === name).length;
  return pointer(nth > 1 ? `${name}#${nth}` : name);
}

function keyFor(keys: string[], kind: string, server: string, name: string): string | undefined {
  const split = (key: string): [string | null, string] => {
    const at = key.indexOf("/");
    return at < 1 || kind === "resource" ? [null, key] : [key.slice(0, at), key.slice(at + 1)];
  };
  const matching = keys.filter((key) => {
    const [serverPart, namePart] = split(key);
    return (serverPart === null || glob(serverPart, server)) && glob(namePart, name, kind === "resource");
  });
  const rank = (key: string): number[] => [
    split(key)[0] === null ? 1 : 0,
    /[*?]/.test(key) ? 1 : 0,
    -[...key].filter((character) => !"*?".includes(character)).length,
  ];
  return matching.sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const at = left.findIndex((one, index) => one !== right[index]);
    return at < 0 ? byCodePoints(a, b) : (left[at] ?? 0) - (right[at] ?? 0);
  })[0];
}

interface Refused {
  effect: string;
  rule: string;
  reason: string;
}

interface Count {
  series: string;
  /** The same for one limit wherever in a message it is met. */
  limit: string;
  id: string;
  call: number;
  amount: bigint;
}

/** Everything that speaks against a call, in order; empty where it may pass. */
export function ask(asked: Asked): Answer {
  const refused: Refused[] = [];
  const counts: Count[] = [];
  judge(asked, "", 1, false, refused, counts, { calls: 0 });
  const first = refused.find(({ effect }) => effect === "deny") ?? refused[0];
  const answer = first ?? { effect: "allow", rule: "", reason: "" };
  return { ...answer, counts: answer.effect === "deny" ? [] : sums(counts) };
}

/** Every limit once, with what all calls of the message add to its series. */
function sums(counts: Count[]): string[] {
  const limits = counts.filter(
    ({ limit }, index) => counts.findIndex((one) => one.limit === limit) === index,
  );
  return limits.map(({ id, series }) => {
    const calls = new Map(counts.filter((one) => one.series === series).map((one) => [one.call, one.amount]));
    return `${id} +${[...calls.values()].reduce((sum, amount) => sum + amount, 0n)}`;
  });
}

function judge(
  asked: Asked,
  prefix: string,
  depth: number,
  inherited: boolean,
  refused: Refused[],
  counts: Count[],
  seen: { calls: number },
): void {
  const call = seen.calls++;
  const { kind, name } = asked;
  const section = `${kind}s`;
  const layers = [
    ...(asked.team ? [{ at: `${prefix}/team`, layer: "team", policy: asked.team as Objekt | null }] : []),
    { at: prefix, layer: "server", policy: asked.server },
  ].map((layer) => {
    const rules = object(layer.policy?.[section]);
    const key = keyFor(Object.keys(rules), kind, string(asked.facts["server.name"]), name);
    const rule = key === undefined ? null : object(rules[key]);
    const quiet = layer.policy?.["mode"] === "shadow";
    const mode = rule?.["mode"] ?? layer.policy?.["mode"];
    return { ...layer, quiet, ruleQuiet: mode === "shadow", rule, id: `/${section}/${pointer(key ?? "")}` };
  });
  const facts = { ...asked.facts };
  if (kind === "tool") {
    facts["tool.name"] = name;
    facts["tool.category"] = asked.pins[name]?.category;
    facts["tool.risk"] = asked.pins[name]?.risk;
  }
  const templates = inherited || layers.some(({ rule }) => rule !== null && "nested" in rule);
  const deny = (rule: string, quiet = false, reason = `Denied by rule ${rule}.`): void => {
    if (!quiet) refused.push({ effect: "deny", rule, reason });
  };
  const aside = (word: string): string => (prefix === "" ? word : `${prefix}/${word}`);

  if (asked.frozen === "all") deny(aside("(frozen)"));
  if (asked.frozen === "writes" && (kind !== "tool" || asked.pins[name]?.category !== "Read"))
    deny(aside("(frozen)"));
  if (kind === "tool" && !(name in asked.pins)) deny(aside("(unknown tool)"));
  for (const { policy, quiet } of layers) {
    const hide = typeof policy?.["hide"] === "string" ? [policy["hide"]] : list(policy?.["hide"]).map(string);
    if (hide.includes("*") || keyFor(hide, kind, string(facts["server.name"]), name) !== undefined) {
      deny(aside("(hidden)"), quiet);
    }
  }
  for (const { policy, rule, quiet } of layers) {
    if (policy === null) deny(aside("(no policy)"));
    else if (rule === null && policy["default"] === "deny") deny(aside("(default deny)"), quiet);
  }
  for (const { at, rule, id, ruleQuiet } of layers) {
    if (rule?.["action"] === "deny")
      deny(`${at}${id}/action`, ruleQuiet, string(rule["reason"]) || undefined);
  }
  const parts = layers.flatMap(({ at, layer, policy, quiet, rule, id, ruleQuiet }) => [
    ...(kind === "tool"
      ? [{ at: `${at}/all_tools`, layer, body: object(policy?.["all_tools"]), quiet, own: false }]
      : []),
    ...(rule ? [{ at: at + id, layer, body: rule, quiet: ruleQuiet, own: true }] : []),
  ]);
  const look = (
    word: string,
    every: boolean,
    found: (id: string, one: Objekt, quiet: boolean) => void,
    when: boolean,
  ) => {
    for (const { at, body, quiet } of parts) lookAt(at, body, quiet, word, every, found, when);
  };
  const lookAt = (
    at: string,
    body: Objekt,
    quiet: boolean,
    word: string,
    every: boolean,
    found: (id: string, one: Objekt, quiet: boolean) => void,
    when: boolean,
  ) => {
    list(body[word]).forEach((one, index, groups) => {
      const id = `${at}/${word}/${groupId(groups, index)}`;
      const outcome = group(list(object(one)["conditions"]), every, asked.args, facts, templates);
      if (typeof outcome === "string") deny(id, quiet, outcome);
      else if (outcome === when) found(id, object(one), quiet);
    });
  };
  const onDeny = (id: string, one: Objekt, quiet: boolean) =>
    deny(id, quiet, string(one["on_deny"]) || undefined);
  look("require", true, onDeny, false);
  look("deny_if", false, onDeny, true);
  for (const { at, rule, id, ruleQuiet } of layers) {
    if (!rule || !("arguments" in rule)) continue;
    // A schema reads all of the arguments, so what cannot be read anywhere in them counts.
    if (hasHuge(asked.args) || (templates && filledLater(asked.args)))
      deny(`${at}${id}/arguments`, ruleQuiet, "cannot evaluate arguments");
    else if (!fitsSmall(object(rule["arguments"]), asked.args)) deny(`${at}${id}/arguments`, ruleQuiet);
  }
  for (const { at, layer, body, quiet } of parts) {
    const limits = list(body["limits"]).map(object);
    const names = limits.map((limit) => `${string(limit["counter"])}-per-${string(limit["window"])}`);
    limits.forEach((limit, index) => {
      const id = `${at}/limits/${numbered(names, index)}`;
      const from = string(limit["increment_from"]);
      const amount = from === "" ? 1_000_000n : increase(asked.args, from, templates);
      if (amount === null) deny(id, quiet, `cannot evaluate increment_from ${from}`);
      else {
        const series = [layer, quiet, limit["scope"] ?? "grant", limit["counter"]].join();
        counts.push({ series, limit: `${layer} ${id.slice(prefix.length)}`, id, call, amount });
      }
    });
  }
  for (const { at, body, quiet, own } of parts) {
    const wants = (id: string, reason: string) => {
      if (!quiet)
        refused.push({ effect: "approve", rule: id, reason: reason || `Approval required by rule ${id}.` });
    };
    const action = string(body["action"]);
    if (own && ["approve", "require_approval"].includes(action))
      wants(`${at}/action`, string(body["reason"]));
    lookAt(at, body, quiet, "approve_if", false, (id, one) => wants(id, string(one["reason"])), true);
  }
  for (const { at, rule, id, ruleQuiet } of unfolding(layers)) {
    inner(asked, `${at}${id}/nested`, object(rule?.["nested"]), ruleQuiet, depth, deny, (deeper, step) =>
      judge(deeper, `${at}${id}/nested/${step}`, depth + 1, templates, refused, counts, seen),
    );
  }
}

function unfolding<T extends { rule: Objekt | null; ruleQuiet: boolean }>(layers: T[]): T[] {
  const having = layers.filter(({ rule }) => rule !== null && "nested" in rule);
  const same =
    having.length === 2 &&
    write(having[0]?.rule?.["nested"] ?? null) === write(having[1]?.rule?.["nested"] ?? null);
  if (!same) return having;
  return [having.find(({ ruleQuiet }) => !ruleQuiet) ?? having[0]].flatMap((one) => one ?? []);
}

function inner(
  asked: Asked,
  at: string,
  nested: Objekt,
  quiet: boolean,
  depth: number,
  deny: (rule: string, quiet: boolean) => void,
  go: (asked: Asked, step: number) => void,
): void {
  const own = (from: Value | undefined, name: string): Value | undefined =>
    isObject(from) && Object.hasOwn(from, name) ? from[name] : undefined;
  const laterKey = (from: Value): boolean => isObject(from) && Object.keys(from).some(laterIn);
  const steps = laterKey(asked.args) ? undefined : own(asked.args, stepsOf(string(nested["each"]))[1] ?? "");
  if (!Array.isArray(steps) || steps.length > 100 || (steps.length > 0 && depth === 4)) {
    deny(at, quiet);
    return;
  }
  for (const [index, step] of steps.entries()) {
    const name = own(step, string(nested["tool"]));
    const args = own(step, string(nested["arguments"]));
    const fit = isObject(step) && !laterKey(step) && (args === undefined || isObject(args));
    if (!fit || typeof name !== "string" || laterIn(name)) deny(`${at}/${index}`, quiet);
    else go({ ...asked, kind: "tool", name, args: object(args) }, index);
  }
}

function increase(args: Objekt, path: string, templates: boolean): bigint | null {
  let value: Value | undefined = args;
  for (const step of stepsOf(path).slice(1)) {
    if (!isObject(value) || (templates && Object.keys(value).some(laterIn))) return null;
    value = Object.hasOwn(value, step) ? value[step] : undefined;
  }
  if (!(value instanceof Num)) return null;
  try {
    const size = exact(value);
    const unit = 10n ** 494n;
    return size >= 0n && size % unit === 0n && size / unit <= 10n ** 18n ? size / unit : null;
  } catch {
    return null;
  }
}

function hasHuge(value: Value): boolean {
  if (!(value instanceof Num))
    return Array.isArray(value) ? value.some(hasHuge) : Object.values(object(value)).some(hasHuge);
  try {
    exact(value);
    return false;
  } catch {
    return true;
  }
}

/** The few keywords that the generator writes. */
function fitsSmall(schema: Objekt, args: Objekt): boolean {
  if (!list(schema["required"]).every((name) => Object.hasOwn(args, string(name)))) return false;
  return Object.entries(object(schema["properties"])).every(([name, rules]) => {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (value === undefined) return true;
    const { type, maximum } = object(rules);
    if (typeof type === "string" && typeOf(value) !== type) return false;
    return !(value instanceof Num && maximum instanceof Num) || exact(value) <= exact(maximum);
  });
}
