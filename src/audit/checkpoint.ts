import type { TeamId } from "../id.ts";

/** What a checkpoint says and the gateway signs: at that time, the team's log up to entry `n` had this hash. */
export interface Statement {
  readonly team: TeamId;
  readonly n: number;
  readonly hash: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** A signed statement as the log keeps it: `jws` is the compact JWS (RFC 7515) whose payload is the statement. */
export interface Checkpoint {
  readonly n: number;
  readonly hash: string;
  readonly atMs: number;
  readonly jws: string;
}

/** A checkpoint closes at most this many entries, and stands at most this long after the first of them. */
export const segmentMax = 1_000;
export const sealEveryMs = 3_600_000;
