import { type Category, type Evidence, riskier, type Verdict } from "./category.ts";
import { type Action, actionOf } from "./name.ts";
import { mayType, onlyReadingChoices, picturesOnly, raisedBy, type Shape } from "./shape.ts";
import { joinPhrases, wordsOf } from "./words.ts";

/** What the name, the title and the schema come to. `open` says what a description may still lower it for. */
export interface Judgement {
  readonly category: Category;
  readonly verb: string;
  readonly confidence: Action["confidence"];
  readonly evidence: readonly [Evidence, ...Evidence[]];
  /** Whether the description may say that it is less, and what of the schema stays whatever it says. */
  readonly open: boolean;
  readonly floor: Category;
}

/** Judges by all but the description and the annotations. */
export function judge(name: string, titled: string, shape: Shape): Judgement {
  const title = titled === "" ? null : actionOf(titled, joinPhrases(wordsOf(titled)), "title");
  const called = actionOf(name, shape.words) ?? title;
  const action = called && (seenThrough(called, shape) ?? called);
  const raised = [...raisedBy(action, shape), ...raisedByTitle(action, title)];
  const floor = raised.map(({ category }) => category).reduce(riskier, "Read");
  const typing = action?.category === "Read" && floor === "Read" ? mayType(shape) : null;
  if (!action) return unknown(name, shape, raised, floor);
  const judgement = { ...judged(action, raised), open: !action.settled, floor };
  return typing
    ? { ...judgement, category: "Execute", evidence: [typing], open: true, confidence: "medium" }
    : judgement;
}

function judged(action: Action, raised: readonly Verdict[]) {
  const all: readonly Verdict[] = [action, ...raised];
  const worst = all.reduce((a, b) => (riskier(a.category, b.category) === a.category ? a : b));
  const rest = all.filter((one) => one !== worst).map(({ evidence }) => evidence);
  return {
    category: worst.category,
    verb: action.verb,
    confidence: action.confidence,
    evidence: [worst.evidence, ...rest] as const,
  };
}

/** No verb anywhere: Execute, unless the schema lists everything that it can do. */
function unknown(name: string, shape: Shape, raised: readonly Verdict[], floor: Category): Judgement {
  const choices = raised.length === 0 ? onlyReadingChoices(shape) : null;
  if (choices !== null) {
    const evidence: Evidence = { source: "parameter", token: choices, says: "Read" };
    return { category: "Read", verb: "", confidence: "medium", evidence: [evidence], open: false, floor };
  }
  const evidence: Evidence = { source: "name", token: name, says: "no known verb: taken for Execute" };
  const first: Action = { category: "Execute", verb: "", confidence: "low", settled: false, evidence };
  const confidence = raised.length > 0 ? "medium" : "low";
  return { ...judged(first, raised), confidence, open: true, floor };
}

/** Where the schema shows that a verb which could change something only looks. */
function seenThrough(action: Action, shape: Shape): Action | null {
  const read = (source: Evidence["source"], token: string): Action => ({
    ...action,
    category: "Read",
    settled: true,
    evidence: { source, token, says: "Read" },
  });
  if (picturesOnly(action, shape)) return read(action.evidence.source, action.verb);
  const choices = action.verb === "manage" || !action.settled ? onlyReadingChoices(shape) : null;
  return choices === null ? null : read("parameter", choices);
}

/** A title that opens with a changing verb, above a name that reads. */
const raisedByTitle = (action: Action | null, title: Action | null): Verdict[] =>
  action &&
  title &&
  action !== title &&
  title.confidence === "high" &&
  action.category === "Read" &&
  title.category !== "Read"
    ? [title]
    : [];
