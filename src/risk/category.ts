/** What a call of the tool does, by what it takes to undo a mistake. */
export type Category = "Read" | "Write" | "Execute" | "Destructive" | "Financial";
export type Level = "low" | "medium" | "high" | "critical";
export type Flag =
  | "private_data"
  | "untrusted_content"
  | "public_sink"
  | "secret"
  | "code_exec"
  | "bulk"
  | "nested_calls";

const categories: readonly Category[] = ["Read", "Write", "Execute", "Financial", "Destructive"];
const levels: readonly Level[] = ["low", "medium", "high", "critical"];

const larger =
  <T>(order: readonly T[]) =>
  (a: T, b: T): T =>
    order.indexOf(a) >= order.indexOf(b) ? a : b;

export const riskier: (a: Category, b: Category) => Category = larger(categories);
export const higher: (a: Level, b: Level) => Level = larger(levels);
export const lower = (a: Level, b: Level): Level => (higher(a, b) === a ? b : a);

/** What said so: which word, field or parameter, quoted, and what it was taken to mean. */
export interface Evidence {
  readonly source: "name" | "title" | "description" | "parameter" | "annotation";
  readonly token: string;
  readonly says: string;
  /** Where the calls are, for `nested_calls`. */
  readonly nested?: NestedFields;
}

/** Where a tool that runs other tools carries their calls, in the words of a policy's `nested`. */
export interface NestedFields {
  readonly each: string;
  readonly tool: string;
  readonly arguments: string;
}

/** A category with what led to it. */
export interface Verdict {
  readonly category: Category;
  readonly evidence: Evidence;
}
