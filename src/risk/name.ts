import type { Evidence, Verdict } from "./category.ts";
import { viewNouns } from "./nouns.ts";
import { atItsWorst, isAboutStatus, isMoneyless, moneyIn, settledBy } from "./object.ts";
import { type Found, verbIn } from "./placement.ts";

/** What a name says that a tool does. Where it is not `settled`, the description may say that it is less. */
export interface Action extends Verdict {
  readonly confidence: "high" | "medium" | "low";
  readonly settled: boolean;
  /** The verb that was found, or "". */
  readonly verb: string;
}

type Source = Evidence["source"];

/** Judges a name, or a title, of these words by the verb in it; null where it has none that we know. */
export function actionOf(name: string, words: readonly string[], source: Source = "name"): Action | null {
  const verb = verbIn(name, words);
  if (!verb) return fromNoun(words, source);
  const found = settledBy(verb, words);
  if (isAboutStatus(found, words)) return fromNoun(words, source) ?? action(found, source);
  if (isMoneyless(found, words)) return action({ ...found, category: "Write" }, source);
  const money = moneyIn(found, words);
  if (money === null) return action(atItsWorst(found, words), source);
  return {
    ...action({ ...found, category: "Financial" }, source),
    evidence: { source, token: money, says: "Financial" },
  };
}

const action = ({ word, category, settled, strength }: Found, source: Source): Action => ({
  category,
  settled,
  verb: word,
  confidence: strength === "firm" ? "high" : "medium",
  evidence: { source, token: word, says: category },
});

function fromNoun(words: readonly string[], source: Source): Action | null {
  const token = words.at(-1) ?? "";
  if (!viewNouns.has(token)) return null;
  return {
    category: "Read",
    settled: true,
    verb: "",
    confidence: "medium",
    evidence: { source, token, says: "Read" },
  };
}
