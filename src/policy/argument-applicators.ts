import type { Json } from "../json/value.ts";
import { countAt, patternCheck } from "./argument-assertions.ts";
import { type Build, type Check, type Keyword, type Run, type Seen, unseen } from "./argument-check.ts";
import { elements, members, type Place } from "./pointer.ts";

/** The keywords that hold schemas below them (JSON Schema 2020-12, core §10 and §11). */
export const applicators: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ["$ref", reference],
  ["allOf", inPlace((checks) => (value, run, seen) => checks.every((check) => check(value, run, seen)))],
  ["anyOf", inPlace((checks) => (value, run, seen) => passing(checks, value, run, seen) > 0)],
  ["oneOf", inPlace((checks) => (value, run, seen) => passing(checks, value, run, seen) === 1)],
  ["not", (at, build) => not(build.subschema(at))],
  ["if", condition],
  ["then", serving("if", (at, build) => build.subschema(at))],
  ["else", serving("if", (at, build) => build.subschema(at))],
  ["properties", properties],
  ["patternProperties", patternProperties],
  ["additionalProperties", additionalProperties],
  ["propertyNames", propertyNames],
  ["dependentSchemas", dependentSchemas],
  ["unevaluatedProperties", unevaluatedProperties],
  ["prefixItems", prefixItems],
  ["items", items],
  ["contains", contains],
  ["minContains", serving("contains", countAt)],
  ["maxContains", serving("contains", countAt)],
  ["unevaluatedItems", unevaluatedItems],
]);

/** For keywords that only serve a neighbour: read here for their mistakes, applied by the other. */
function serving(neighbour: string, read: (at: Place, build: Build) => unknown): Keyword {
  return (at, build, schema) => {
    if (schema.at(neighbour).value === undefined)
      return at.fail(`means nothing without ${neighbour} beside it`);
    read(at, build);
    return null;
  };
}

function reference(at: Place, build: Build): Check | null {
  const check = typeof at.value === "string" ? build.reference(at.value) : null;
  return check ?? at.fail('expected a reference into this schema, such as "#/$defs/amount"');
}

function inPlace(combine: (checks: readonly Check[]) => Check): Keyword {
  return (at, build) => {
    const parts = elements(at);
    return parts.length === 0
      ? at.fail("expected a list of schemas")
      : combine(parts.map(build.subschema, build));
  };
}

/** How many schemas hold. All are tried, since each that holds adds to what was seen; one that fails adds nothing. */
function passing(checks: readonly Check[], value: Json, run: Run, seen: Seen): number {
  return checks.filter((check) => attempt(check, value, run, seen)).length;
}

function attempt(check: Check, value: Json, run: Run, seen: Seen): boolean {
  const own = unseen();
  if (!check(value, run, own)) return false;
  for (const name of own.names) seen.names.add(name);
  for (const index of own.indexes) seen.indexes.add(index);
  return true;
}

const not =
  (check: Check): Check =>
  (value, run) =>
    !check(value, run, unseen());

function condition(at: Place, build: Build, schema: Place): Check {
  const test = build.subschema(at);
  const branch = (name: string): Check =>
    schema.at(name).value === undefined ? () => true : build.subschema(quiet(schema.at(name)));
  const [then, otherwise] = [branch("then"), branch("else")];
  return (value, run, seen) => (attempt(test, value, run, seen) ? then : otherwise)(value, run, seen);
}

function namedSchemas(at: Place, build: Build): Map<string, Check> | null {
  if (!(at.value instanceof Map)) return at.fail("expected schemas under names");
  return new Map(members(at).map(([name, place]) => [name, build.subschema(place)]));
}

function properties(at: Place, build: Build): Check | null {
  const checks = namedSchemas(at, build);
  if (!checks) return null;
  return (value, run, seen) => {
    if (!(value instanceof Map)) return true;
    return [...checks].every(([name, check]) => {
      const member = value.get(name);
      if (member === undefined) return true;
      seen.names.add(name);
      return check(member, run, unseen());
    });
  };
}

type Named = { readonly matches: Check; readonly check: Check };

function patterns(at: Place, build: Build): Named[] {
  return members(at).flatMap(([pattern, place]) => {
    const matches = patternCheck(place, pattern);
    return matches ? [{ matches, check: build.subschema(place) }] : [];
  });
}

function patternProperties(at: Place, build: Build): Check | null {
  if (!(at.value instanceof Map)) return at.fail("expected schemas under patterns");
  const all = patterns(at, build);
  return (value, run, seen) =>
    everyMember(value, (name, member) =>
      all.every(({ matches, check }) => {
        if (!matches(name, run, unseen())) return true;
        seen.names.add(name);
        return check(member, run, unseen());
      }),
    );
}

const everyMember = (value: Json, holds: (name: string, member: Json) => boolean): boolean =>
  !(value instanceof Map) || [...value].every(([name, member]) => holds(name, member));

function additionalProperties(at: Place, build: Build, schema: Place): Check {
  const check = build.subschema(at);
  const named = new Set(members(schema.at("properties")).map(([name]) => name));
  // Its mistakes are told where it stands; building it again here must not tell them twice.
  const known = members(schema.at("patternProperties")).flatMap(([pattern]) => {
    const matches = patternCheck(quiet(at), pattern);
    return matches ? [matches] : [];
  });
  return (value, run, seen) =>
    everyMember(value, (name, member) => {
      if (named.has(name) || known.some((matches) => matches(name, run, unseen()))) return true;
      seen.names.add(name);
      return check(member, run, unseen());
    });
}

function propertyNames(at: Place, build: Build): Check {
  const check = build.subschema(at);
  return (value, run) => everyMember(value, (name) => check(name, run, unseen()));
}

function dependentSchemas(at: Place, build: Build): Check | null {
  const checks = namedSchemas(at, build);
  if (!checks) return null;
  return (value, run, seen) =>
    !(value instanceof Map) ||
    [...checks].every(([name, check]) => !value.has(name) || check(value, run, seen));
}

function unevaluatedProperties(at: Place, build: Build): Check {
  const check = build.subschema(at);
  return (value, run, seen) =>
    everyMember(value, (name, member) => {
      if (seen.names.has(name)) return true;
      seen.names.add(name);
      return check(member, run, unseen());
    });
}

function prefixItems(at: Place, build: Build): Check | null {
  const checks = elements(at).map(build.subschema, build);
  if (checks.length === 0) return at.fail("expected a list of schemas");
  return (value, run, seen) => {
    if (!Array.isArray(value)) return true;
    return checks.every((check, index) => {
      const item = value[index];
      if (item === undefined) return true;
      seen.indexes.add(index);
      return check(item, run, unseen());
    });
  };
}

function items(at: Place, build: Build, schema: Place): Check | null {
  if (Array.isArray(at.value)) return at.fail("a list of schemas is written prefixItems in 2020-12");
  const check = build.subschema(at);
  const from = elements(schema.at("prefixItems")).length;
  return (value, run, seen) => everyItem(value, from, seen, (item) => check(item, run, unseen()));
}

function everyItem(value: Json, from: number, seen: Seen, holds: (item: Json) => boolean): boolean {
  if (!Array.isArray(value)) return true;
  return value.every((item, index) => {
    if (index < from) return true;
    seen.indexes.add(index);
    return holds(item);
  });
}

function contains(at: Place, build: Build, schema: Place): Check {
  const check = build.subschema(at);
  const [atLeast, atMost] = [schema.at("minContains"), schema.at("maxContains")];
  const least = atLeast.value === undefined ? 1 : (countAt(quiet(atLeast)) ?? 1);
  const most = atMost.value === undefined ? Number.POSITIVE_INFINITY : (countAt(quiet(atMost)) ?? 0);
  return (value, run, seen) => {
    if (!Array.isArray(value)) return true;
    const found = value
      .keys()
      .filter((index) => check(value[index] ?? null, run, unseen()))
      .toArray();
    for (const index of found) seen.indexes.add(index);
    return found.length >= least && found.length <= most;
  };
}

/** The same place, where the keyword itself has already told its mistake. */
const quiet = (at: Place): Place => ({ ...at, fail: () => null });

function unevaluatedItems(at: Place, build: Build): Check {
  const check = build.subschema(at);
  return (value, run, seen) => {
    if (!Array.isArray(value)) return true;
    return value.every((item, index) => {
      if (seen.indexes.has(index)) return true;
      seen.indexes.add(index);
      return check(item, run, unseen());
    });
  };
}
