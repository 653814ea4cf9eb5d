import { env } from "cloudflare:test";
import type { Caller, Continued, GateStub } from "../../src/gate/rpc.ts";
import type { Pin, PolicyText, Route, Snapshot } from "../../src/gate/snapshot.ts";
import { type GrantId, newId, type PolicyId, type ServerId, type TeamId, type UserId } from "../../src/id.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const yearMs = 365 * 86_400_000;

export interface Grant {
  readonly snapshot: Snapshot;
  readonly gate: DurableObjectStub & GateStub;
  readonly admit: (
    tool: string,
    args?: string,
    server?: string,
    continues?: Continued,
  ) => ReturnType<GateStub["admit"]>;
}

const pin = (name: string): Pin => ({ name, hash: "h", category: "Execute", level: "high" });
const policyText = (document: unknown): PolicyText => ({
  id: newId("pol", random) as PolicyId,
  name: "default",
  revision: 1,
  text: JSON.stringify(document),
});

/** A team with two servers, `one` and `two`, whose grants are each a real gate. Policies permit the tools `send` and `pay`. */
export function teamOfGates(policies: { server: unknown; team?: unknown }, zone = "UTC") {
  const team = newId("tm", random) as TeamId;
  const route = (slug: string): Route => ({
    server: { id: newId("srv", random) as ServerId, slug, name: slug, url: `https://${slug}.example/mcp` },
    credential: null,
    policy: policyText(policies.server),
    pins: ["send", "pay"].map(pin),
    unpinned: false,
  });
  const routes = [route("one"), route("two")];
  const teamPolicy = policies.team === undefined ? null : policyText(policies.team);

  const grant = async (member: UserId | null = null): Promise<Grant> => {
    const id = newId("grt", random) as GrantId;
    const jti = newId("jti", random);
    const expiresAtMs = Date.now() + yearMs;
    const snapshot: Snapshot = {
      epoch: 1,
      team: { id: team, slug: "acme", zone, frozen: "off", policy: teamPolicy },
      grant: {
        id,
        label: "agent",
        tags: [],
        revoked: false,
        expiresAtMs,
        tokens: [{ jti, notAfterMs: expiresAtMs }],
        member: member && { id: member, email: "ada@example.com", role: "viewer" },
      },
      routes,
    };
    const gate = env.GATES.get(env.GATES.idFromName(id)) as unknown as Grant["gate"];
    await gate.apply(snapshot);
    const admit: Grant["admit"] = (tool, argumentsText = "{}", serverSlug = "one", continues = undefined) => {
      const caller: Caller = {
        grant: id,
        team,
        bearer: { kind: "token", jti },
        teamSlug: "acme",
        serverSlug,
      };
      const targets = [{ kind: "tool" as const, name: tool }];
      const ask = { method: "tools/call", targets, argumentsText, requestId: "req_1" };
      return gate.admit(caller, continues ? { ...ask, continues } : ask);
    };
    return { snapshot, gate, admit };
  };
  /** The shared counter of that series, as the gates reach it. */
  const counter = (series: readonly unknown[]) =>
    env.COUNTERS.get(env.COUNTERS.idFromName(`${team} ${JSON.stringify(series)}`));
  return { grant, counter, team, servers: routes.map(({ server }) => server.id) };
}

export const newMember = (): UserId => newId("usr", random) as UserId;

/** The sequence number in a decision's id. */
export const seqOf = (decision: string): number => Number.parseInt(decision.split("_").at(-1) ?? "", 36);
