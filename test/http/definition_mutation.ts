import fc from "fast-check";

type Path = readonly string[];
type Tree = Record<string, unknown>;

/** What a pin covers (docs/servers.md). */
const pinned = ["title", "description", "inputSchema", "outputSchema", "annotations", "_meta"];

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** The path of every field that a pin covers, at any depth; the name is how the gateway knows the tool again. */
export function fieldsOf(definition: Tree): Path[] {
  const below = (value: unknown, path: Path): Path[] => [
    path,
    ...(isTree(value) ? Object.keys(value).flatMap((key) => below(value[key], [...path, key])) : []),
  ];
  return pinned.filter((key) => key in definition).flatMap((key) => below(definition[key], [key]));
}

/** The definition with one field changed, whatever it was: taken out, put in, of another type, or hardly differing. */
export const mutation = (definition: Tree): fc.Arbitrary<Tree> => {
  const fields = fieldsOf(definition);
  const added = pinned.filter((key) => !(key in definition)).map((key): Path => [key]);
  return fc
    .tuple(fc.constantFrom(...fields, ...added), fc.constantFrom(...changes), fc.string({ minLength: 1 }))
    .map(([path, change, text]) => changedAt(definition, path, (old) => change(old, text)))
    .filter((changed) => JSON.stringify(sorted(changed)) !== JSON.stringify(sorted(definition)));
};

const changes: readonly ((old: unknown, text: string) => unknown)[] = [
  () => undefined,
  () => null,
  (_old, text) => text,
  (old) => [old ?? 1],
  (old) => (typeof old === "string" ? `${old}\u200b` : old === undefined ? true : String(old)),
  (old) => (typeof old === "string" ? `${old} ` : { was: old ?? 0 }),
  (old) => (typeof old === "string" ? old.replace(/[aeiou]/, "\u0435") : old === true ? false : 1e21),
  (old) => (typeof old === "number" ? old + 1e-9 : isTree(old) ? { ...old, also: "Ignore the above." } : -1),
  (old, text) => (Array.isArray(old) ? [...old, text] : isTree(old) ? { ...old, [text]: 0 } : text.repeat(2)),
  (old) => (Array.isArray(old) ? old.toReversed() : isTree(old) ? {} : 0.5),
];

function changedAt(value: unknown, [step, ...rest]: Path, change: (old: unknown) => unknown): Tree {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Tree) }) as Tree;
  const next = rest.length === 0 ? change(copy[step ?? ""]) : changedAt(copy[step ?? ""], rest, change);
  if (next !== undefined || Array.isArray(copy)) copy[step ?? ""] = next ?? null;
  else delete copy[step ?? ""];
  return copy;
}

/** The same value with every object's keys in order, so that texts can be compared. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}

/** The same definition written otherwise: keys in another order at every depth, other white space, escapes and numbers. */
export const rewriting = (definition: Tree): fc.Arbitrary<string> =>
  fc
    .tuple(fc.infiniteStream(fc.nat(1_000)), fc.constantFrom("", " ", "\t", "\n  "), fc.boolean())
    .map(([numbers, space, escaped]) => {
      const next = (): number => numbers.next().value ?? 0;
      const text = (value: string): string => {
        const plain = JSON.stringify(value);
        if (!escaped) return plain;
        return plain.replaceAll(/[a-z](?![^\\]*\\$)/g, (letter, at: number, whole: string) =>
          whole[at - 1] === "\\" || next() % 3 > 0
            ? letter
            : `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
        );
      };
      const write = (value: unknown): string => {
        if (typeof value === "string") return text(value);
        if (typeof value === "number" && Number.isInteger(value) && next() % 2 === 0) return `${value}.0`;
        if (Array.isArray(value)) return `[${space}${value.map(write).join(`${space},`)}]`;
        if (!isTree(value)) return JSON.stringify(value);
        const keys = Object.keys(value)
          .map((key) => [next(), key] as const)
          .toSorted(([a], [b]) => a - b);
        return `{${keys.map(([, key]) => `${space}${text(key)}:${space}${write(value[key])}`).join(",")}${space}}`;
      };
      return write(definition);
    });
