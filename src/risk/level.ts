import type { Category, Evidence, Level } from "./category.ts";
import type { Flagged } from "./flags.ts";
import { doors, moneyOnPaper, slightNouns, vitalNouns } from "./nouns.ts";
import { slightVerbs, slightWrites } from "./verbs.ts";

export interface Graded {
  readonly level: Level;
  /** Why it is another than its category's usual one, or null. */
  readonly why: Evidence | null;
}

/**
 * How bad it would be: the category's usual level, and what the words of the name and the flags add or take. A pane that
 * is resized is no `rm -rf`, though both are done rather than read.
 */
export function gradeOf(
  category: Category,
  verb: string,
  words: readonly string[],
  flagged: readonly Flagged[],
): Graded {
  const told = (flag: string): Evidence | undefined =>
    flagged.find((one) => one.flag === flag && (one.evidence.source === "name" || flag === "code_exec"))
      ?.evidence;
  const word = (known: ReadonlySet<string>): Evidence | undefined => {
    const found = words.find((one) => one !== verb && known.has(one));
    return found === undefined ? undefined : { source: "name", token: found, says: "" };
  };
  switch (category) {
    case "Read":
      return graded("low", ["high", told("secret")], ["medium", told("private_data")]);
    case "Write":
      return graded(
        "medium",
        ["high", told("secret") ?? told("bulk") ?? word(doors)],
        [
          "low",
          slightWrites.has(verb) && words.includes(verb)
            ? { source: "name", token: verb, says: "" }
            : undefined,
        ],
      );
    case "Execute":
      return graded(
        "high",
        ["critical", told("code_exec")],
        [
          "medium",
          isSlight(verb, flagged) && words.includes(verb)
            ? { source: "name", token: verb, says: "" }
            : undefined,
        ],
      );
    case "Destructive":
      return graded(
        "high",
        ["critical", told("bulk") ?? told("secret") ?? worstLoss(words)],
        ["medium", word(slightNouns)],
      );
    case "Financial":
      return graded("critical", [
        "high",
        moneyOnPaper.has(words.at(-1) ?? "") ? word(moneyOnPaper) : undefined,
      ]);
    default:
      return { level: "critical", why: null };
  }
}

type Reason = readonly [Level, Evidence | undefined];

function graded(usual: Level, ...reasons: readonly Reason[]): Graded {
  for (const [level, evidence] of reasons) {
    if (evidence) return { level, why: { ...evidence, says: `${level}, usually ${usual}` } };
  }
  return { level: usual, why: null };
}

const isSlight = (verb: string, flagged: readonly Flagged[]): boolean =>
  slightVerbs.has(verb) &&
  !flagged.some(({ flag }) => flag === "bulk" || flag === "secret" || flag === "nested_calls");

/** The thing itself is lost, not one of its parts: `delete_database`, but not `delete_database_user`. */
function worstLoss(words: readonly string[]): Evidence | undefined {
  const last = words.at(-1) ?? "";
  const lost = vitalNouns.has(last)
    ? last
    : /^(?:delete|drop|destroy|remove|terminate|purge)$/.test(last)
      ? words.at(-2)
      : undefined;
  return lost !== undefined && vitalNouns.has(lost) ? { source: "name", token: lost, says: "" } : undefined;
}
