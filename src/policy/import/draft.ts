import { type Json, JsonNumber, type JsonObject } from "../../json/value.ts";
import type { Part } from "./carried.ts";

/** A rule of the document to be: takes parts, tells where each went. */
export interface Draft {
  /** The pointer of where the part stands in the document. */
  readonly add: (part: Part) => string;
  /** Refuses every call, since something of the source has no equal. */
  readonly shut: () => string;
  readonly rule: () => JsonObject;
}

export const notCarried = "A rule of the imported policy has no equal here, so the call is refused.";

/** The rule of one tool; `at` is its pointer. */
export function toolDraft(at: string): Draft {
  const lists = new Lists(at);
  let action: "deny" | "approve" | null = null;
  let reason: string | null = null;
  let expires: number | null = null;
  const present: (readonly string[])[] = [];
  const act = (wanted: "deny" | "approve", why: string | null): string => {
    // What denies outranks what asks, its words too.
    if (wanted === "deny" && action === "approve") reason = null;
    if (action !== "deny") action = wanted;
    if (action === wanted) reason ??= why;
    return `${at}/action`;
  };
  return {
    add: (part) => {
      switch (part.to) {
        case "action":
          return act(part.action, part.reason);
        case "expires":
          expires = Math.min(part.seconds, expires ?? part.seconds);
          return `${at}/approve/expires`;
        case "present":
          present.push(part.names);
          return `${at}/arguments`;
        case "require":
        case "limits":
          return lists.push(part.to, part.value);
      }
    },
    shut: () => act("deny", notCarried),
    rule: () =>
      objectOf([
        ["action", action],
        ["reason", reason],
        ...lists.members(),
        ["approve", expires === null ? null : objectOf([["expires", new JsonNumber(String(expires))]])],
        ["arguments", present.length === 0 ? null : objectOf([["allOf", present.map(notNull)]])],
      ]),
  };
}

/** `all_tools`, which has no action: a group without conditions always holds and stands for it. */
export function everyToolDraft(): Draft {
  const at = "/all_tools";
  const lists = new Lists(at);
  const always = (text: "on_deny" | "reason", words: string | null): JsonObject =>
    objectOf([
      ["conditions", []],
      [text, words],
    ]);
  return {
    add: (part) => {
      switch (part.to) {
        case "action":
          return part.action === "deny"
            ? lists.push("deny_if", always("on_deny", part.reason))
            : lists.push("approve_if", always("reason", part.reason));
        case "expires":
          // The server's own time for an answer holds: `approve` stands in a tool's rule only.
          return lists.last("approve_if");
        case "present":
          return lists.push("deny_if", always("on_deny", notCarried));
        case "require":
        case "limits":
          return lists.push(part.to, part.value);
      }
    },
    shut: () => lists.push("deny_if", always("on_deny", notCarried)),
    rule: () => objectOf(lists.members()),
  };
}

/** The lists of a rule, in the order in which they are judged. */
class Lists {
  readonly #at: string;
  readonly #lists = new Map<string, Json[]>([
    ["require", []],
    ["deny_if", []],
    ["limits", []],
    ["approve_if", []],
  ]);

  constructor(at: string) {
    this.#at = at;
  }

  push(name: string, value: Json): string {
    const list = this.#lists.get(name) ?? [];
    this.#lists.set(name, list);
    list.push(value);
    return this.last(name);
  }

  last(name: string): string {
    return `${this.#at}/${name}/${(this.#lists.get(name)?.length ?? 0) - 1}`;
  }

  members(): (readonly [string, Json])[] {
    return [...this.#lists].filter(([, list]) => list.length > 0);
  }
}

/** An object of the members that are not null. */
export const objectOf = (members: readonly (readonly [string, Json])[]): JsonObject =>
  new Map(members.filter(([, value]) => value !== null));

/** A JSON Schema: the argument at these names is there and is not null. */
function notNull(names: readonly string[]): Json {
  const [name, ...rest] = names;
  if (name === undefined) return objectOf([["not", objectOf([["type", "null"]])]]);
  return objectOf([
    ["type", "object"],
    ["required", [name]],
    ["properties", objectOf([[name, notNull(rest)]])],
  ]);
}
