import type { GrantId, TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import type { Edit } from "../store/edit.ts";
import { acknowledge, takePending } from "../store/outbox.ts";
import { loadSnapshot, loadSnapshots } from "../store/snapshot.ts";
import { raiseEpoch } from "../store/team.ts";
import { inTime } from "./deadline.ts";
import type { GateStub } from "./rpc.ts";
import type { Snapshot } from "./snapshot.ts";

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

// One request may make 10,000 subrequests; a gate costs one, or three where it is ahead of D1.
const gatesAtOnceMax = 4_500;
// Snapshots are read for so many gates at once, and so many of those reads are under way: D1 answers one after the other,
// and what is read must fit into memory with every gate's policies.
const gatesTogether = 25;
const readsTogether = 4;
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
  const groups = inGroups(targets, gatesTogether).values();
  const over = AbortSignal.timeout(pushTimeoutMs);
  const worker = async (): Promise<void> => {
    for (const group of groups) {
      if (over.aborted) return;
      done.push(...(await pushGroup(deps, group)));
    }
  };
  await Promise.all(Array.from({ length: readsTogether }, worker));
  await acknowledge(deps.db, done);
  return done.length;
}

const inGroups = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

/** Those of the gates that act by the edit now, each with its epoch. The snapshots are read after the edit, so hold it. */
async function pushGroup(
  deps: PushDeps,
  group: readonly Target[],
): Promise<{ grant: GrantId; epoch: number }[]> {
  const grants = group.map(({ grant }) => grant);
  const snapshots = await loadSnapshots(deps.db, grants).catch((error: unknown) => {
    console.error("the snapshots of an edit cannot be read", error);
  });
  if (!snapshots) return [];
  const pushed = group.map(async ({ grant, team }) => {
    const epoch = await pushOne(deps, { grant, team }, () => snapshots(grant));
    return epoch === null ? [] : [{ grant, epoch }];
  });
  return (await Promise.all(pushed)).flat();
}

/** The epoch that the gate acts by, or null where it did not answer. */
async function pushOne(
  deps: PushDeps,
  { grant, team }: Target,
  read: () => Snapshot | null,
): Promise<number | null> {
  try {
    const snapshot = read();
    if (!snapshot) return null;
    const { epoch } = await inTime(deps.gate(grant).apply(snapshot), gateTimeoutMs);
    if (epoch <= snapshot.epoch) return epoch === snapshot.epoch ? epoch : null;
    // Ahead of us: it knows a later edit, or this database was restored from a back-up and must catch up first.
    await raiseEpoch(deps.db, team, epoch);
    return await pushAgain(deps, grant);
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
