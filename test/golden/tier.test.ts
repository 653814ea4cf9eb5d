import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { beforeAll, describe, expect, it } from "vitest";
import { fromPlain, type JsonObject } from "../../src/json/value.ts";
import { type Policy, readPolicy } from "../../src/policy/document.ts";
import { evaluate, type Obligation } from "../../src/policy/evaluate.ts";
import { review } from "../../src/policy/review.ts";
import { classify } from "../../src/risk/classify.ts";
import { rate } from "../../src/risk/rated.ts";
import { recommend } from "../../src/risk/recommend.ts";
import { context, policy } from "../policy/judge.ts";
import { Terminal } from "../support/terminal.ts";
import { cmuxServer } from "../support/tools.ts";
import { files } from "./golden.ts";

const tiers = ["strict", "recommended", "permissive"];
const textOf = (tier: string): string => files.get(`test/golden/tier/${tier}.json`) ?? "";

let tools: readonly { readonly name: string; readonly inputSchema: unknown }[];
beforeAll(async () => {
  const [near, far] = InMemoryTransport.createLinkedPair();
  await cmuxServer(new Terminal()).connect(far);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(near);
  ({ tools } = await client.listTools());
});

const definitions = () => tools.map((tool) => fromPlain(JSON.parse(JSON.stringify(tool))) as JsonObject);

const rated = () =>
  definitions().map((definition) => ({
    name: String(definition.get("name")),
    inputSchema: definition.get("inputSchema") ?? null,
    ...classify(definition),
  }));

describe("the demo server's policy", () => {
  it.each(tiers)("%s fits its tools, without a warning", (tier) => {
    const read = readPolicy(textOf(tier));
    expect(read).toMatchObject({ ok: true, warnings: [] });
    expect(read.ok ? review(read.policy, rated()) : null).toEqual([]);
  });

  it("recommended is what registering it proposes", () => {
    expect(JSON.parse(textOf("recommended"))).toEqual(
      recommend(definitions().map(rate), "recommended").document,
    );
  });

  it.each(tiers)("%s does what the guide's table says", (tier) => {
    const document = policy(textOf(tier));
    const rows = [...(files.get("docs/policy.md") ?? "").matchAll(/^\| `(cmux_\w+)` \|(.*)\|$/gm)].map(
      ([, name = "", cells = ""]) => [name, cells.split("|").map((cell) => cell.trim())[tiers.indexOf(tier)]],
    );
    expect(rows.map(([name = ""]) => [name, cellOf(document, name)])).toEqual(rows);
    expect(rows.map(([name]) => name).toSorted()).toEqual(tools.map(({ name }) => name).toSorted());
  });

  it("permissive keeps a batch from typing what a call may not", () => {
    const steps = [{ tool: "cmux_send", params: { text: "sudo make" } }];
    expect(judge(policy(textOf("permissive")), "cmux_batch", { steps })).toMatchObject({
      effect: "deny",
      rule: "/tools/cmux_batch/nested/0/tools/cmux_send*/deny_if/args.text-regex",
    });
  });
});

/** A plain call of each tool, as its schema wants it. */
const plainArguments = { text: "ls", workspace: "build", name: "agent-1", steps: [] };

function judge(server: Policy, name: string, args: Record<string, unknown>) {
  const known = rated().map(
    ({ category, level, ...tool }) => [tool.name, { category, risk: level }] as const,
  );
  return evaluate({
    call: { method: "tools/call", kind: "tool", name, arguments: fromPlain(args) as JsonObject },
    team: null,
    server,
    frozen: "off",
    tools: new Map(known),
    context,
  });
}

function cellOf(server: Policy, name: string): string {
  const schema = tools.find((tool) => tool.name === name)?.inputSchema as { properties?: object } | undefined;
  const wanted = Object.keys(schema?.properties ?? {});
  const args = Object.entries(plainArguments).filter(([key]) => wanted.includes(key));
  const decision = judge(server, name, Object.fromEntries(args));
  if (decision.effect !== "allow") return decision.unknown ? "hidden" : decision.effect;
  const counts = decision.obligations.filter((duty): duty is Count => duty.type === "count");
  return counts.at(-1)?.text ?? "allowed";
}

type Count = Extract<Obligation, { type: "count" }>;
