import type { Node } from "./parse.ts";

/** A text that every match holds; `whole` where holding it is all that the pattern asks. */
export interface Required {
  readonly text: string;
  readonly whole: boolean;
}

/** The longest run of letters that any match must pass, so that most texts are told apart by a search for it. */
export function requiredText(node: Node): Required {
  let longest = "";
  let run = "";
  const steps = flat(node);
  for (const step of steps) {
    if (step.kind === "at") continue;
    run = step.kind === "one" && step.literal !== null ? run + step.literal : "";
    if (run.length > longest.length) longest = run;
  }
  return { text: longest, whole: steps.every((step) => step.kind === "one" && step.literal !== null) };
}

function flat(node: Node): readonly Node[] {
  return node.kind === "sequence" ? node.nodes.flatMap(flat) : [node];
}
