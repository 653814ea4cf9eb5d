import type { ControlEntry } from "../audit/entry.ts";
import { isFault } from "../fault.ts";
import { type PushDeps, pushEdit } from "../gate/push.ts";
import { newId, type Random } from "../id.ts";
import { shardOf } from "../store/database.ts";
import { commitEdit } from "../store/edit.ts";
import { insertEvent } from "../store/event.ts";
import {
  countBehind,
  listBehind,
  replaceSealed,
  type SealedAfter,
  type SealedRow,
  sealedKinds,
} from "../store/sealed.ts";
import { type MasterKeys, versionOf } from "../upstream/aead.ts";
import { openClientSecret, sealClientSecret } from "../upstream/client_secret.ts";
import { openHookSecret, sealHookSecret } from "../upstream/hook_secret.ts";
import { openTotpSecret, sealTotpSecret } from "../upstream/totp_secret.ts";
import { rewrap } from "../upstream/vault.ts";

export interface RotationDeps extends PushDeps {
  readonly master: MasterKeys;
  readonly now: () => number;
  readonly random: Random;
}

const pageRows = 100;
const togetherMax = 4;
// A run has a minute until the next one, which goes on with what this one leaves.
const beginBeforeMs = 40_000;

/**
 * Seals under the current master key what is sealed under an older one, while traffic runs: the teams' data keys, and the
 * few secrets that stand under a master key themselves. What does not open stays as it is, and is reported. Run every minute.
 */
export async function rotateKeys(deps: RotationDeps): Promise<void> {
  const startedMs = deps.now();
  const before = await countBehind(deps.db, deps.master.current);
  if (sealedKinds.every((kind) => before[kind] === 0)) return;
  for (const kind of sealedKinds) {
    let after: SealedAfter = { version: 0, id: "" };
    for (;;) {
      const rows = await listBehind(deps.db, kind, deps.master.current, after, pageRows);
      const last = rows.at(-1);
      if (!last || deps.now() - startedMs > beginBeforeMs) break;
      await inTurns(rows, (row) => rotateOne(deps, row));
      after = { version: versionOf(last.sealed) ?? 0, id: last.id };
    }
  }
  const left = await countBehind(deps.db, deps.master.current);
  console.warn("rotated to the current master key", { key: deps.master.current, before, left });
}

async function inTurns(rows: readonly SealedRow[], work: (row: SealedRow) => Promise<void>): Promise<void> {
  const queue = rows.values();
  const worker = async (): Promise<void> => {
    for (const row of queue) {
      await work(row).catch((error) =>
        console.error("not rotated yet", { kind: row.kind, id: row.id, error }),
      );
    }
  };
  await Promise.all(Array.from({ length: togetherMax }, worker));
}

async function rotateOne(deps: RotationDeps, row: SealedRow): Promise<void> {
  const sealed = await resealed(deps, row);
  if (sealed === null) throw new Error("it does not open: MASTER_KEYS lacks its version");
  if (row.kind !== "data_key") {
    await replaceSealed(deps.db, row, sealed).run();
    return;
  }
  // Gates hold their team's wrapped key, so they are told as of any edit.
  const db = shardOf(row.id, deps.db);
  const nowMs = deps.now();
  const event: ControlEntry = {
    kind: "control",
    id: newId("evt", deps.random),
    atMs: nowMs,
    requestId: "",
    actor: "system",
    action: "team.key_rotated",
    subject: row.id,
    detail: { from: versionOf(row.sealed) ?? 0, to: deps.master.current },
  };
  const changes = [replaceSealed(db, row, sealed), insertEvent(db, row.id, event)];
  await pushEdit(deps, await commitEdit(db, row.id, { of: "team" }, nowMs, changes));
}

/** The same secret under the current key; null where it does not open. */
async function resealed({ master, random }: RotationDeps, row: SealedRow): Promise<string | null> {
  switch (row.kind) {
    case "data_key": {
      const wrapped = await rewrap(master, row.sealed, row.id, random);
      return isFault(wrapped) ? null : wrapped;
    }
    case "hook": {
      const secret = await openHookSecret(master, row.team, row.id, row.sealed);
      return secret && sealHookSecret(master, row.team, row.id, secret, random);
    }
    case "totp": {
      const secret = await openTotpSecret(master, row.id, row.sealed);
      return secret && sealTotpSecret(master, row.id, secret, random);
    }
    case "identity": {
      const at = { team: row.id, issuer: row.issuer, clientId: row.clientId };
      const secret = await openClientSecret(master, at, row.sealed);
      return secret && sealClientSecret(master, at, secret, random);
    }
  }
}
