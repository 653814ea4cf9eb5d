import type { ServerId } from "../id.ts";

/** What an approval was asked under. Where any of it is another now, what was approved is not what would run. */
export interface Basis {
  readonly server: ServerId;
  /** Id and revision; null where there is none. */
  readonly teamPolicy: string | null;
  readonly serverPolicy: string | null;
  /** Accepted definitions by tool: those called, and those that the arguments name because a batch may call them. */
  readonly definitions: Readonly<Record<string, string>>;
}

/** How things stand now, of which a basis is a part. */
export interface Ground {
  readonly frozen: boolean;
  readonly revoked: boolean;
  readonly teamPolicy: string | null;
  /** The grant's servers: the policy in force there, and the accepted definitions. */
  readonly servers: ReadonlyMap<
    ServerId,
    { readonly policy: string | null; readonly definitions: ReadonlyMap<string, string> }
  >;
}

/** Why an approval that was asked under `basis` is void now, or null where it stands (policy.md §6). */
export function voidness(basis: Basis, ground: Ground): "frozen" | "revoked" | "edited" | null {
  if (ground.revoked) return "revoked";
  if (ground.frozen) return "frozen";
  const server = ground.servers.get(basis.server);
  if (!server || server.policy !== basis.serverPolicy || ground.teamPolicy !== basis.teamPolicy)
    return "edited";
  const same = Object.entries(basis.definitions).every(
    ([name, hash]) => server.definitions.get(name) === hash,
  );
  return same ? null : "edited";
}
