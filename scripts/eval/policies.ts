import { readPolicy } from "../../src/policy/document.ts";
import { rate } from "../../src/risk/rated.ts";
import { recommend } from "../../src/risk/recommend.ts";
import { tiers } from "../../src/risk/tier.ts";
import type { LabelledTool } from "./tool_file.ts";

/** Recommends a policy for each tool alone and each server as a whole, in every tier, and says which the language refuses. */
export function refusedPolicies(tools: readonly LabelledTool[]): { made: number; refused: string[] } {
  const rated = tools.map(({ server, definition }) => ({ server, tool: rate(definition) }));
  const servers = [...Map.groupBy(rated, ({ server }) => server)].map(([server, its]) => ({
    whose: server,
    its: its.map(({ tool }) => tool),
  }));
  const alone = rated.map(({ server, tool }) => ({ whose: `${server} ${tool.name}`, its: [tool] }));
  const made = [...servers, ...alone].flatMap(({ whose, its }) =>
    tiers.map((tier) => {
      const read = readPolicy(JSON.stringify(recommend(its, tier).document));
      return read.ok ? null : `${whose}, ${tier}: ${read.errors[0]?.pointer} ${read.errors[0]?.message}`;
    }),
  );
  return { made: made.length, refused: made.filter((one) => one !== null) };
}
