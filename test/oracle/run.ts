import { disagreement, readBoth } from "./compare.ts";
import { expected } from "./coverage.ts";
import { asking } from "./generate/call.ts";
import { document } from "./generate/document.ts";
import { toolNames } from "./generate/names.ts";
import { Random } from "./generate/random.ts";
import { type Found, shrink } from "./shrink.ts";
import { write } from "./value.ts";

const callsPerPolicy = 100;

/** One replayable run: the seed decides every document and call; `hits` counts what was exercised. */
export class Run {
  readonly seed: number;
  readonly hits = new Map<string, number>();
  readonly #found: Found[] = [];
  decisions = 0;
  disagreements = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Asks both evaluators `callsPerPolicy` questions about policy number `index`. */
  policy(index: number): void {
    const random = new Random(this.seed, index);
    // Some documents refuse at many stages at once, so that every order of two stages is seen.
    const dense = random.chance(0.15);
    const documents = readBoth({
      team: random.chance(dense ? 0.9 : 0.6) ? write(document(random, "team", dense)) : null,
      server: random.chance(0.96) ? write(document(random, "server", dense)) : null,
    });
    const tools = toolNames.filter(() => random.chance(0.9));
    const pins = new Map(tools.map((name) => [name, pin(random)]));
    const hit = (name: string): void => void this.hits.set(name, (this.hits.get(name) ?? 0) + 1);
    for (let call = 0; call < callsPerPolicy; call++) {
      const asked = asking(random, documents.oracle, tools);
      const answers = disagreement(documents, asked, pins, hit);
      this.decisions++;
      if (answers === null) continue;
      this.disagreements++;
      const found = { policy: index, documents: documents.texts, pins, asking: asked, ...answers };
      if (this.#found.length < shownMax) this.#found.push(found);
    }
  }

  /** What the run should have exercised and did not. */
  missed(): string[] {
    return expected().filter((name) => !this.hits.has(name));
  }

  /** The first few disagreements, shrunk, as text. */
  report(): string {
    return this.#found.map((found) => described(this.seed, shrink(found))).join("\n\n");
  }
}

const shownMax = 5;
const categories = ["Read", "Read", "Read", "Write", "Destructive", "Financial", "Execute"];
const pin = (random: Random): { category: string; risk: string } => ({
  category: random.pick(categories),
  risk: random.pick(["low", "medium", "high"]),
});

function described(seed: number, { policy, documents, pins, asking, engine, oracle }: Found): string {
  const { args, ...call } = asking;
  return [
    `ORACLE_SEED=${seed}, policy ${policy}`,
    `team    ${documents.team}`,
    `server  ${documents.server}`,
    `pins    ${JSON.stringify([...pins])}`,
    `call    ${JSON.stringify(call)}`,
    `args    ${args === undefined ? "none" : write(args)}`,
    `engine  ${JSON.stringify(engine)}`,
    `oracle  ${JSON.stringify(oracle)}`,
  ].join("\n");
}
