import { type Evidence, riskier } from "./category.ts";
import type { Judgement } from "./judgement.ts";
import { queryEngines } from "./nouns.ts";
import { type Account, accountOf, changesNowhere, claimsToRead, isAbout, speaksOfCode } from "./prose.ts";
import type { Shape } from "./shape.ts";
import { fileVerbs } from "./verbs.ts";

const asking: ReadonlySet<string> = new Set(["query", "ask", "investigate", "aggregate"]);

/** Of a verb that we know a description says at most that it only reads; of a query in code it must say so outright. */
function onlyReads(
  verb: string,
  { words, parameters }: Shape,
  account: Account,
  description: string,
): boolean {
  // Without a schema nobody knows where it is written to.
  if (parameters === null && fileVerbs.has(verb)) return false;
  if (asking.has(verb) && (speaksOfCode(description) || words.some((word) => queryEngines.has(word)))) {
    return (
      claimsToRead(description) &&
      (account.category === "Read" || /^(?:execut|run|quer)/i.test(account.token))
    );
  }
  return account.category === "Read" && changesNowhere(description, words);
}

/** What the description makes of it, if it may and if that is less. */
export function describedAs(bare: Judgement, shape: Shape, description: string): Judgement | null {
  const account = bare.open && description !== "" ? accountOf(description) : null;
  if (!account || !isAbout(description, shape.words)) return null;
  if (bare.confidence !== "low" && !onlyReads(bare.verb, shape, account, description)) return null;
  const said = bare.confidence === "low" ? account.category : "Read";
  const category = riskier(said, bare.floor);
  if (riskier(category, bare.category) === category && category !== bare.category) {
    const evidence: Evidence = { ...told(account), says: `${said}, which a description cannot raise it to` };
    return { ...bare, confidence: "medium", evidence: [...bare.evidence, evidence] };
  }
  return {
    ...bare,
    category,
    confidence: "medium",
    evidence: [{ ...told(account), says: category }, ...bare.evidence],
  };
}

const told = ({ token }: Account) => ({ source: "description" as const, token });
