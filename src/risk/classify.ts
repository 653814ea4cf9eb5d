import type { JsonObject } from "../json/value.ts";
import {
  type Category,
  type Evidence,
  type Flag,
  higher,
  type Level,
  lower,
  riskier,
  type Verdict,
} from "./category.ts";
import { describedAs } from "./described.ts";
import { flagsOf } from "./flags.ts";
import { type Judgement, judge } from "./judgement.ts";
import { gradeOf } from "./level.ts";
import type { Role } from "./parameters.ts";
import { type Shape, shapeOf } from "./shape.ts";

export interface Risk {
  readonly category: Category;
  readonly level: Level;
  readonly flags: readonly Flag[];
  /** What its parameters carry, of those whose role is known. */
  readonly roles: Readonly<Record<string, Role>>;
  readonly confidence: "high" | "medium" | "low";
  /** The first is what the category comes from. */
  readonly evidence: readonly [Evidence, ...Evidence[]];
}

/**
 * How risky a tool is, from its definition alone; pure, and the same for the same definition. Unknown is Execute/high. All
 * of it is a stranger's word: name, title and schema, which the caller sees too, say the most that it can be; the
 * description can only say that it is less, and an annotation that it is more.
 */
export function classify(definition: JsonObject): Risk {
  const name = textAt(definition, "name");
  const shape = shapeOf(name, definition.get("inputSchema"));
  const bare = judge(name, textAt(definition, "title"), shape);
  const described = describedAs(bare, shape, textAt(definition, "description"));
  const hints = hintsOf(definition);
  const most = grade(bare, shape, hints, "critical");
  // No higher than without the description, so that leaving it away is never worth it.
  return described ? grade(described, shape, hints, most.level) : most;
}

interface Hints {
  readonly least: Verdict | null;
  readonly destructive: boolean;
}

function hintsOf(definition: JsonObject): Hints {
  const hints = definition.get("annotations");
  if (!(hints instanceof Map)) return { least: null, destructive: false };
  const destructive = hints.get("destructiveHint") === true;
  const writes = hints.get("readOnlyHint") === false;
  if (!destructive && !writes) return { least: null, destructive };
  const token = writes ? "readOnlyHint: false" : "destructiveHint: true";
  return {
    least: { category: "Write", evidence: { source: "annotation", token, says: "not Read" } },
    destructive,
  };
}

function grade(judgement: Judgement, shape: Shape, { least, destructive }: Hints, most: Level): Risk {
  const category = least ? riskier(judgement.category, least.category) : judgement.category;
  const flagged = flagsOf(judgement.verb, category, shape);
  const { level, why } = gradeOf(category, judgement.verb, shape.words, flagged);
  // What a hint makes a change of may be a slighter change than it was a look.
  const unhinted = least ? gradeOf(judgement.category, judgement.verb, shape.words, flagged).level : "low";
  const hinted = least ? [least.evidence] : [];
  const evidence = [
    ...(category === judgement.category
      ? [...judgement.evidence, ...hinted]
      : [...hinted, ...judgement.evidence]),
    ...(why ? [why] : []),
    ...flagged.map((one) => one.evidence),
  ];
  const [first = judgement.evidence[0], ...rest] = evidence;
  return {
    category,
    level: lower(higher(higher(level, unhinted), destructive ? "high" : "low"), most),
    flags: [...new Set(flagged.map(({ flag }) => flag))],
    roles: rolesOf(shape),
    confidence: judgement.confidence,
    evidence: [first, ...rest],
  };
}

const rolesOf = ({ parameters }: Shape): Record<string, Role> =>
  Object.fromEntries((parameters ?? []).flatMap(({ name, role }) => (role ? [[name, role]] : [])));

// What a tool does is said at the beginning; a server may send far more than anybody reads.
const textMax = 4_096;

function textAt(definition: JsonObject, key: string): string {
  const value = definition.get(key);
  return typeof value === "string" ? value.slice(0, textMax) : "";
}

export type { Category, Evidence, Flag, Level } from "./category.ts";
