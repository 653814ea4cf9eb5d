import {
  compareExact,
  exact,
  isObj,
  kindOf,
  listAt,
  Num,
  type Obj,
  objAt,
  own,
  textAt,
  type Value,
} from "./value.ts";

/** Whether the value satisfies the part of JSON Schema 2020-12 that the generator writes; numbers are exact. */
export function satisfies(value: Value, schema: Value): boolean {
  if (!isObj(schema)) return schema === true;
  const type = textAt(schema, "type");
  if (type !== null && !hasType(value, type)) return false;
  const choices = own(schema, "enum");
  if (Array.isArray(choices) && !choices.some((choice) => same(choice, value))) return false;
  const constant = own(schema, "const");
  if (constant !== undefined && !same(constant, value)) return false;
  const any = own(schema, "anyOf");
  if (Array.isArray(any) && !any.some((each) => satisfies(value, each))) return false;
  const not = own(schema, "not");
  if (not !== undefined && satisfies(value, not)) return false;
  if (value instanceof Num) return numberSatisfies(value, schema);
  if (typeof value === "string") return stringSatisfies(value, schema);
  if (Array.isArray(value)) return arraySatisfies(value, schema);
  return isObj(value) ? objectSatisfies(value, schema) : true;
}

function hasType(value: Value, type: string): boolean {
  if (type !== "integer") return kindOf(value) === type;
  const number = value instanceof Num ? exact(value) : null;
  if (number === null) return false;
  return number.places <= 0 || number.units % 10n ** BigInt(number.places) === 0n;
}

function numberSatisfies(value: Num, schema: Obj): boolean {
  const bounds: [string, (order: number) => boolean][] = [
    ["minimum", (order) => order >= 0],
    ["maximum", (order) => order <= 0],
    ["exclusiveMinimum", (order) => order > 0],
    ["exclusiveMaximum", (order) => order < 0],
  ];
  return bounds.every(([keyword, test]) => {
    const bound = own(schema, keyword);
    const order = bound instanceof Num ? compareNumbers(value, bound) : null;
    return bound === undefined || (order !== null && test(order));
  });
}

function compareNumbers(a: Num, b: Num): number | null {
  const [left, right] = [exact(a), exact(b)];
  return left && right && compareExact(left, right);
}

function count(schema: Obj, keyword: string, absent: number): number {
  const stated = own(schema, keyword);
  return stated instanceof Num ? Number(stated.source) : absent;
}

function stringSatisfies(value: string, schema: Obj): boolean {
  const length = [...value].length;
  const pattern = textAt(schema, "pattern");
  return (
    length >= count(schema, "minLength", 0) &&
    length <= count(schema, "maxLength", Number.POSITIVE_INFINITY) &&
    (pattern === null || new RegExp(pattern, "u").test(value))
  );
}

function arraySatisfies(value: Value[], schema: Obj): boolean {
  const items = own(schema, "items");
  const repeats = value.some((element, at) => value.slice(0, at).some((earlier) => same(earlier, element)));
  return (
    value.length >= count(schema, "minItems", 0) &&
    value.length <= count(schema, "maxItems", Number.POSITIVE_INFINITY) &&
    (items === undefined || value.every((element) => satisfies(element, items))) &&
    !(own(schema, "uniqueItems") === true && repeats)
  );
}

function objectSatisfies(value: Obj, schema: Obj): boolean {
  const properties = objAt(schema, "properties") ?? {};
  const closed = own(schema, "additionalProperties") === false;
  return (
    listAt(schema, "required").every((name) => typeof name !== "string" || Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, member]) => {
      const stated = own(properties, name);
      return stated === undefined ? !closed : satisfies(member, stated);
    })
  );
}

function same(a: Value, b: Value): boolean {
  if (a instanceof Num && b instanceof Num) return compareNumbers(a, b) === 0;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, at) => same(element, b[at] ?? null));
  }
  if (isObj(a) && isObj(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && same(own(a, key) ?? null, own(b, key) ?? null))
    );
  }
  return a === b;
}

/** A schema reads all of the arguments, so one number past the caps anywhere cannot be evaluated. */
export function holdsUncountable(value: Value): boolean {
  if (value instanceof Num) return exact(value) === null;
  if (Array.isArray(value)) return value.some(holdsUncountable);
  return isObj(value) && Object.values(value).some(holdsUncountable);
}
