import { expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { newId, type Random } from "../../src/id.ts";
import type { MasterKeys } from "../../src/upstream/aead.ts";
import { newDataKey, open, parseMasterKeys, rewrap, seal, type Where } from "../../src/upstream/vault.ts";

const random: Random = (count) => crypto.getRandomValues(new Uint8Array(count));
const keyText = (fill: number): string =>
  btoa(String.fromCharCode(...new Uint8Array(32).fill(fill))).slice(0, 43);
const one = `1:${keyText(0x11)}`;
const two = `2:${keyText(0x22)}`;

function master(text: string): MasterKeys {
  const keys = parseMasterKeys(text);
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}

const where: Where = { team: newId("tm", random), server: newId("srv", random), field: "headers" };
const secret = '{"Authorization":"Bearer pässword-\u{1f511}"}';
const lost = {
  fault: "misconfigured",
  detail: "The server's stored credential cannot be opened. Give it again.",
};

test("what is sealed opens at its own place, and the record shows nothing of it", async () => {
  const keys = master(one);
  const dataKey = await newDataKey(keys, where.team, random);
  const sealed = await seal(keys, dataKey, where, secret, random);
  expect(await open(keys, dataKey, where, sealed)).toBe(secret);
  expect(sealed).toMatch(/^1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/);
  expect(await seal(keys, dataKey, where, secret, random)).not.toBe(sealed);
});

test("an empty secret is a secret too", async () => {
  const keys = master(one);
  const dataKey = await newDataKey(keys, where.team, random);
  expect(await open(keys, dataKey, where, await seal(keys, dataKey, where, "", random))).toBe("");
});

test("a credential opens under no other team, server, field, data key or master key", async () => {
  const keys = master(one);
  const dataKey = await newDataKey(keys, where.team, random);
  const sealed = await seal(keys, dataKey, where, secret, random);
  const otherTeam = newId("tm", random);
  const elsewhere: readonly (readonly [MasterKeys, string, Where])[] = [
    [keys, dataKey, { ...where, team: otherTeam }],
    [keys, await newDataKey(keys, otherTeam, random), { ...where, team: otherTeam }],
    [keys, dataKey, { ...where, server: newId("srv", random) }],
    [keys, dataKey, { ...where, field: "oauth" }],
    [keys, await newDataKey(keys, where.team, random), where],
    [master(`1:${keyText(0x33)}`), dataKey, where],
    [master(two), dataKey, where],
    [keys, sealed, where],
  ];
  for (const [otherKeys, otherDataKey, place] of elsewhere) {
    expect(await open(otherKeys, otherDataKey, place, sealed)).toEqual(lost);
  }
});

test("a record with any one character changed, cut or added does not open", async () => {
  const keys = master(one);
  const dataKey = await newDataKey(keys, where.team, random);
  const sealed = await seal(keys, dataKey, where, "abc", random);
  const changed = [...sealed].map((character, i) => {
    return sealed.slice(0, i) + (character === "5" ? "6" : "5") + sealed.slice(i + 1);
  });
  for (const record of [...changed, sealed.slice(0, -1), `${sealed}AA`, `${sealed}.`, "", "1..", "null"]) {
    expect(await open(keys, dataKey, where, record)).toEqual(lost);
  }
});

test("rotation rewraps the data key and leaves what it sealed readable without the old master key", async () => {
  const before = master(one);
  const dataKey = await newDataKey(before, where.team, random);
  const sealed = await seal(before, dataKey, where, secret, random);
  const during = master(`${one},${two}`);
  expect(await open(during, dataKey, where, sealed)).toBe(secret);
  const rewrapped = await rewrap(during, dataKey, where.team, random);
  if (isFault(rewrapped)) throw new Error(rewrapped.detail);
  expect(rewrapped.startsWith("2.")).toBe(true);
  expect(await open(master(two), rewrapped, where, sealed)).toBe(secret);
  expect(await rewrap(during, rewrapped, where.team, random)).toBe(rewrapped);
  expect(await rewrap(during, dataKey, newId("tm", random), random)).toMatchObject({
    fault: "misconfigured",
  });
});

test("the highest version of the master keys is current, in whatever order they stand", () => {
  expect(master(`${two}, ${one}`).current).toBe(2);
  expect(master(`${one},10:${keyText(3)}`).current).toBe(10);
});

test.each([
  "",
  "1",
  "1:",
  "1:short",
  `0:${keyText(1)}`,
  `01:${keyText(1)}`,
  `-1:${keyText(1)}`,
  keyText(1),
  `${one},`,
  `${one},${one}`,
  `${one};${two}`,
  `1:${keyText(1)}=`,
])("MASTER_KEYS of %j is refused without quoting it", (text) => {
  expect(parseMasterKeys(text)).toEqual({
    fault: "misconfigured",
    detail:
      'MASTER_KEYS must be "<version>:<32 bytes in base64url>", several with commas between, versions from 1 up and different.',
  });
});
