import { expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { newId, type Random } from "../../src/id.ts";
import type { MasterKeys } from "../../src/upstream/aead.ts";
import {
  type OpenedSession,
  openSession,
  type SessionOwner,
  sealSession,
} from "../../src/upstream/session.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";

const random: Random = (count) => crypto.getRandomValues(new Uint8Array(count));
const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

function master(text: string): MasterKeys {
  const keys = parseMasterKeys(text);
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}

const keys = master(`1:${key}`);
const owner: SessionOwner = {
  team: newId("tm", random),
  grant: newId("grt", random),
  server: "github",
};
const session: OpenedSession = {
  id: "7f2c-upstream",
  server: newId("srv", random),
  expiresAtMs: 1_000,
  clientName: "claude-code ✓",
  revision: "2025-11-25",
  capabilities: ["elicitation", "roots"],
};

test("a session comes back whole for its owner until it expires", async () => {
  const sealed = await sealSession(keys, owner, session, random);
  expect(await openSession(keys, owner, sealed, 999)).toEqual(session);
  expect(await openSession(keys, owner, sealed, 1_000)).toBeNull();
});

test("the text fits a header and hides the upstream's id", async () => {
  const sealed = await sealSession(keys, owner, session, random);
  expect(sealed).toMatch(/^[A-Za-z0-9._-]+$/);
  expect(atob(sealed.split(".")[2]?.replaceAll("-", "+").replaceAll("_", "/") ?? "")).not.toContain(
    "upstream",
  );
});

test("a session opens for no other grant, team or server", async () => {
  const sealed = await sealSession(keys, owner, session, random);
  const others: SessionOwner[] = [
    { ...owner, team: newId("tm", random) },
    { ...owner, grant: newId("grt", random) },
    { ...owner, server: "gitlab" },
  ];
  for (const other of others) expect(await openSession(keys, other, sealed, 0)).toBeNull();
});

test("after a key rotation old sessions go on, and end with their key", async () => {
  const sealed = await sealSession(keys, owner, session, random);
  const second = `2:${key.replace("A", "B")}`;
  expect(await openSession(master(`1:${key},${second}`), owner, sealed, 0)).toEqual(session);
  expect(await openSession(master(second), owner, sealed, 0)).toBeNull();
});

test("anything that we did not seal is no session", async () => {
  const sealed = await sealSession(keys, owner, session, random);
  const flipped = sealed.slice(0, -1) + (sealed.endsWith("A") ? "B" : "A");
  const longer = `${sealed}${"A".repeat(8_000)}`;
  const foreign = ["", "7f2c-upstream", "1", "1..", "..", `2${sealed.slice(1)}`, `01${sealed.slice(1)}`];
  for (const text of [...foreign, sealed.slice(0, -1), flipped.replace(/.$/, "!"), longer, `${sealed} `]) {
    expect(await openSession(keys, owner, text, 0)).toBeNull();
  }
});
