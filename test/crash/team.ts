import { randomBytes } from "node:crypto";
import { newSecrets } from "../../scripts/start/secrets.ts";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import { type GrantId, newId, type PolicyId, type ServerId, type TeamId } from "../../src/id.ts";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";

const random = (count: number): Uint8Array => randomBytes(count);

/** One limit of the policy, as the crash run holds the gateway to it. */
export interface Limit {
  readonly tool: string;
  readonly windowMs: number;
  readonly max: number;
  /** Of both grants together; else each has its own. */
  readonly shared: boolean;
}

const shortMs = 2_000;
const hourMs = 3_600_000;

/** Short windows that fill up and empty again, and hours in which the whole run lies: `total` is what those let through. */
export const limitsOf = (total: number): Limit[] => [
  { tool: "own", windowMs: shortMs, max: 12, shared: false },
  { tool: "own", windowMs: hourMs, max: total, shared: false },
  { tool: "pool", windowMs: shortMs, max: 20, shared: true },
  { tool: "pool", windowMs: hourMs, max: total, shared: true },
];

export const tools = ["own", "pool", "free", "banned"] as const;

/** The policy that says so, and has the record keep the calls' ids. */
export const policyOf = (limits: readonly Limit[]) => ({
  version: "1",
  default: "deny",
  record: "values",
  tools: Object.fromEntries(
    tools.map((tool) => [
      tool,
      tool === "banned"
        ? { action: "deny" }
        : {
            limits: limits
              .filter((limit) => limit.tool === tool)
              .map(({ windowMs, max, shared }) => ({
                counter: tool,
                window: windowMs === hourMs ? "hour" : windowMs / 1_000,
                max,
                scope: shared ? "team" : "grant",
              })),
          },
    ]),
  ),
});

/** A team with one server and two grants of one policy, and the secrets that sign their tokens. */
export class Team {
  readonly secrets = newSecrets();
  readonly limits: readonly Limit[];
  readonly snapshots: readonly Snapshot[];

  constructor(upstream: string, total: number) {
    this.limits = limitsOf(total);
    const farMs = Date.now() + 86_400_000;
    const team = {
      id: newId("tm", random) as TeamId,
      slug: "crash",
      zone: "UTC",
      frozen: "off",
      policy: null,
    } as const;
    const policy = {
      id: newId("pol", random) as PolicyId,
      name: "p",
      revision: 1,
      text: JSON.stringify(policyOf(this.limits)),
    };
    const pins = tools.map(
      (name) => ({ name, hash: "0".repeat(64), category: "Execute", level: "high" }) as const,
    );
    const server = { id: newId("srv", random) as ServerId, slug: "up", name: "up", url: upstream };
    this.snapshots = ["one", "two"].map((label) => ({
      epoch: 1,
      team,
      grant: {
        id: newId("grt", random) as GrantId,
        label,
        tags: [],
        revoked: false,
        expiresAtMs: farMs,
        tokens: [{ jti: newId("jti", random), notAfterMs: farMs }],
        member: null,
      },
      routes: [{ server, credential: null, policy, pins, unpinned: false }],
    }));
  }

  get id(): TeamId {
    return this.#first.team.id;
  }

  get grants(): GrantId[] {
    return this.snapshots.map(({ grant }) => grant.id);
  }

  /** A token of that grant. */
  async token(grant: GrantId, origin: string): Promise<string> {
    const snapshot = this.snapshots.find((one) => one.grant.id === grant) ?? this.#first;
    const [token] = snapshot.grant.tokens;
    const bearer = { grant, team: this.id, jti: token?.jti ?? "", expiresAtMs: token?.notAfterMs ?? 0 };
    return mintGrantToken(bearer, await readSigningKeys(this.secrets.SIGNING_KEYS), origin, Date.now());
  }

  get #first(): Snapshot {
    const [first] = this.snapshots;
    if (!first) throw new Error("a team without a grant");
    return first;
  }
}
