import type { GrantId, TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import type { Edit } from "../store/edit.ts";
import { acknowledge, takePending } from "../store/outbox.ts";
import { loadSnapshot } from "../store/snapshot.ts";
import { raiseEpoch } from "../store/team.ts";
import { inTime } from "./deadline.ts";
import type { GateStub } from "./rpc.ts";

/** What it takes to tell gates of an edit. */
export interface PushDeps {
  readonly db: Db;
  readonly gate: (grant: GrantId) => Pick<GateStub, "apply">;
}

/** How far an edit has come: gates that act by it, and gates that will once they can be reached. */
export interface InForce {
  readonly acknowledged: number;
  readonly pending: number;
}

// One request may make 10,000 subrequests; a gate costs two (its snapshot and its call), and others need some.
const gatesAtOnceMax = 4_500;
const gatesTogether = 16;
const gateTimeoutMs = 5_000;
const pushTimeoutMs = 20_000;
const drainGatesMax = 400;

/**
 * Tells every gate concerned of a committed edit and waits for them. `pending: 0` says that the edit is in force at the
 * next call everywhere; what is pending stays in the outbox for `drainOutbox`.
 */
export async function pushEdit(deps: PushDeps, edit: Edit): Promise<InForce> {
  const concerned = edit.grants.slice(0, gatesAtOnceMax);
  const acknowledged = await pushAll(
    deps,
    concerned.map((grant) => ({ grant, team: edit.team })),
  );
  return { acknowledged, pending: edit.grants.length - acknowledged };
}

/** Tries again the gates that have waited longest for an edit. Run every minute. */
export async function drainOutbox(deps: PushDeps, nowMs: number): Promise<InForce> {
  const waiting = await takePending(deps.db, nowMs, drainGatesMax);
  const acknowledged = await pushAll(deps, waiting);
  return { acknowledged, pending: waiting.length - acknowledged };
}

interface Target {
  readonly grant: GrantId;
  readonly team: TeamId;
}

async function pushAll(deps: PushDeps, targets: readonly Target[]): Promise<number> {
  const done: { grant: GrantId; epoch: number }[] = [];
  const queue = targets.values();
  const over = AbortSignal.timeout(pushTimeoutMs);
  const worker = async (): Promise<void> => {
    for (const target of queue) {
      if (over.aborted) return;
      const epoch = await pushOne(deps, target);
      if (epoch !== null) done.push({ grant: target.grant, epoch });
    }
  };
  await Promise.all(Array.from({ length: gatesTogether }, worker));
  await acknowledge(deps.db, done);
  return done.length;
}

/** The epoch that the gate acts by, or null where it did not answer. The snapshot is read after the edit, so holds it. */
async function pushOne(deps: PushDeps, { grant, team }: Target): Promise<number | null> {
  try {
    const snapshot = await loadSnapshot(deps.db, grant);
    if (!snapshot) return null;
    const { epoch } = await inTime(deps.gate(grant).apply(snapshot), gateTimeoutMs);
    if (epoch <= snapshot.epoch) return epoch === snapshot.epoch ? epoch : null;
    // Ahead of us: it knows a later edit, or this database was restored from a back-up and must catch up first.
    const raised = await raiseEpoch(deps.db, team, epoch);
    return raised.meta.changes === 0 ? epoch : await pushAgain(deps, grant);
  } catch (error) {
    console.error("a gate does not take an edit", { grant, error });
    return null;
  }
}

async function pushAgain(deps: PushDeps, grant: GrantId): Promise<number | null> {
  const snapshot = await loadSnapshot(deps.db, grant);
  if (!snapshot) return null;
  const { epoch } = await inTime(deps.gate(grant).apply(snapshot), gateTimeoutMs);
  return epoch >= snapshot.epoch ? epoch : null;
}
