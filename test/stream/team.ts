import { randomBytes } from "node:crypto";
import { newSecrets } from "../../scripts/start/secrets.ts";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import { type GrantId, newId, type PolicyId, type ServerId, type TeamId } from "../../src/id.ts";
import { mintGrantToken } from "../../src/identity/grant_token.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";

const random = (count: number): Uint8Array => randomBytes(count);
const everything = { sampling: "allow", elicitation: "allow", roots: "allow" };

// Longer than a session.
const lastsMs = 60 * 86_400_000;

/** The tool that every server of the team has. */
export const tool = "act";

/**
 * A team with two grants that may call one tool of every server. What the first one is sent passes unread; a server's
 * requests are not for the second, so that its streams are read.
 */
export class Team {
  readonly id = newId("tm", random) as TeamId;
  readonly slug = "stream";
  readonly secrets = newSecrets();
  readonly snapshots: readonly Snapshot[];

  /** `upstreams`: a server's slug and address. */
  constructor(upstreams: readonly (readonly [slug: string, url: string])[]) {
    this.snapshots = [everything, {}].map((requests) => this.#snapshot(upstreams, requests));
  }

  get grants(): GrantId[] {
    return this.snapshots.map(({ grant }) => grant.id);
  }

  /** A token of that grant. */
  async token({ grant }: Snapshot, origin: string): Promise<string> {
    const [token] = grant.tokens;
    const bearer = {
      grant: grant.id,
      team: this.id,
      jti: token?.jti ?? "",
      expiresAtMs: token?.notAfterMs ?? 0,
    };
    return mintGrantToken(bearer, await readSigningKeys(this.secrets.SIGNING_KEYS), origin, Date.now());
  }

  #snapshot(upstreams: readonly (readonly [string, string])[], requests: object): Snapshot {
    const farMs = Date.now() + lastsMs;
    const document = { version: "1", default: "deny", tools: { [tool]: {} }, requests };
    const policy = {
      id: newId("pol", random) as PolicyId,
      name: "p",
      revision: 1,
      text: JSON.stringify(document),
    };
    const pins = [{ name: tool, hash: "0".repeat(64), category: "Execute", level: "high" }] as const;
    return {
      epoch: 1,
      team: { id: this.id, slug: this.slug, zone: "UTC", frozen: "off", policy: null },
      grant: {
        id: newId("grt", random) as GrantId,
        label: "agent",
        tags: [],
        revoked: false,
        expiresAtMs: farMs,
        tokens: [{ jti: newId("jti", random), notAfterMs: farMs }],
        member: null,
      },
      routes: upstreams.map(([slug, url]) => ({
        server: { id: newId("srv", random) as ServerId, slug, name: slug, url },
        credential: null,
        policy,
        pins,
        unpinned: false,
      })),
    };
  }
}
