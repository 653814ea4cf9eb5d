import { compareCodePoints } from "../json/write.ts";
import { compileGlob, type Glob, hasWildcard, literalCharacters, matchesGlob } from "./glob.ts";

export type Kind = "tool" | "resource" | "prompt";

/** A key of `tools`, `resources`, `prompts` or `hide`: which servers and names it speaks of. */
interface Key {
  readonly text: string;
  readonly server: Glob | null;
  readonly name: Glob;
  readonly exact: boolean;
}

const uriStart = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * Splits a server part off. A URI has slashes of its own, so in `resources` the part before the first one names a server
 * only where no URI could begin so.
 */
function parts(text: string, kind: Kind): { server: string | null; name: string } {
  const slash = text.indexOf("/");
  if (slash < 1) return { server: null, name: text };
  const server = text.slice(0, slash);
  const name = text.slice(slash + 1);
  const namesServer =
    kind !== "resource" || (!server.includes(":") && (!hasWildcard(server) || uriStart.test(name)));
  return namesServer ? { server, name } : { server: null, name: text };
}

function compileKey(text: string, kind: Kind, mayNameServer: boolean): Key {
  const { server, name } = mayNameServer ? parts(text, kind) : { server: null, name: text };
  return {
    text,
    server: server === null ? null : compileGlob(server, false),
    name: compileGlob(name, kind === "resource"),
    exact: !hasWildcard(text),
  };
}

/** Which key comes first when several match: a server part, then exact, then most literal, then code-point order. */
function byPrecedence(a: Key, b: Key): number {
  if ((a.server === null) !== (b.server === null)) return a.server === null ? 1 : -1;
  if (a.exact !== b.exact) return a.exact ? -1 : 1;
  return literalCharacters(b.text) - literalCharacters(a.text) || compareCodePoints(a.text, b.text);
}

interface Entry<T> {
  readonly key: Key;
  readonly value: T;
}

interface Named<T> {
  readonly exact: ReadonlyMap<string, T>;
  readonly globs: readonly Entry<T>[];
}

/** Values under keys, looked up by server and name: at most one applies (policy.md §2, Keys). */
export interface KeyTable<T> extends Named<T> {
  readonly qualified: readonly Entry<T>[];
  /** The same keys read without server parts. */
  readonly whole: Named<T>;
  /** What a look-up costs at most for each character of a name. */
  readonly words: number;
}

export function keyTable<T>(entries: Iterable<readonly [string, T]>, kind: Kind): KeyTable<T> {
  const given = [...entries];
  const sorted = (mayNameServer: boolean): Entry<T>[] =>
    given
      .map(([text, value]) => ({ key: compileKey(text, kind, mayNameServer), value }))
      .sort((a, b) => byPrecedence(a.key, b.key));
  const all = sorted(true);
  const qualified = all.filter(({ key }) => key.server !== null);
  const plain = named(all.filter(({ key }) => key.server === null));
  const whole = qualified.length === 0 ? plain : named(sorted(false));
  const words = (walked: readonly Entry<T>[]): number =>
    walked.reduce((sum, { key }) => sum + key.name.words, 0);
  return {
    ...plain,
    qualified,
    whole,
    words: Math.max(words(qualified) + words(plain.globs), words(whole.globs)),
  };
}

const named = <T>(entries: readonly Entry<T>[]): Named<T> => ({
  exact: new Map(entries.filter(({ key }) => key.exact).map(({ key, value }) => [key.text, value])),
  globs: entries.filter(({ key }) => !key.exact),
});

/**
 * The value of the one key that applies, or undefined where none matches. Only a team policy's keys may name servers:
 * for a server policy `server` is null, and `a/b` is the name `a/b` (policy.md §2, Keys).
 */
export function lookUp<T>(table: KeyTable<T>, server: string | null, name: string): T | undefined {
  if (server === null) return byName(table.whole, name);
  for (const { key, value } of table.qualified) {
    if (key.server && matchesGlob(key.name, name) && matchesGlob(key.server, server)) return value;
  }
  return byName(table, name);
}

const byName = <T>({ exact, globs }: Named<T>, name: string): T | undefined =>
  exact.get(name) ?? globs.find(({ key }) => matchesGlob(key.name, name))?.value;

/** What `hide` names. A lone `*` hides every name, slashes or not. */
export interface HideTable {
  readonly all: boolean;
  readonly keys: KeyTable<true>;
}

export function hideTable(entries: readonly string[], kind: Kind): HideTable {
  return {
    all: entries.includes("*"),
    keys: keyTable(
      entries.map((text) => [text, true]),
      kind,
    ),
  };
}

export const isHidden = (table: HideTable, server: string | null, name: string): boolean =>
  table.all || lookUp(table.keys, server, name) === true;
