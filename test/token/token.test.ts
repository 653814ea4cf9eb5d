import { env } from "cloudflare:test";
import { base64url, compactVerify, importJWK, type JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { TeamId } from "../../src/id.ts";
import { readCheckpoint, signCheckpoint } from "../../src/identity/checkpoint.ts";
import { type KeySet, readSigningKeys } from "../../src/identity/keys.ts";
import { seeded } from "../gate/limit_world.ts";
import { sizeOf } from "../support/size.ts";
import { attacksOn, ourTypes } from "./attacks.ts";
import { type Good, takeApart } from "./forge.ts";
import { kinds } from "./kinds.ts";
import { examples } from "./rfc.ts";

// T8, for every kind of token that this gateway signs itself; surfaces.test.ts shows them at its doors.
const { runs, seed, within } = sizeOf("TOKEN", 4_000);
const nowMs = 1_800_000_000_000;
const own = JSON.parse(env.SIGNING_KEYS)[0] as JWK;

let keys: KeySet;
const good = new Map<string, Good>();
beforeAll(async () => {
  keys = await readSigningKeys(env.SIGNING_KEYS);
  for (const [typ, { mint }] of Object.entries(kinds))
    good.set(typ, await takeApart(await mint(keys, nowMs), own));
});

const goodOf = (typ: string): Good => {
  const found = good.get(typ);
  if (!found) throw new Error(typ);
  return found;
};
const rows = Object.entries(kinds);

it("every kind of token that src/ signs is in the table", () => {
  const sources: Record<string, string> = import.meta.glob("../../src/**/*.ts", {
    query: "?raw",
    import: "default",
    eager: true,
  });
  const named = Object.values(sources).flatMap((text) =>
    [...text.matchAll(/TokenKind = \{ typ: "([^"]+)"|const typ = "([^"]+)"/g)].map(
      ([, typ, constant]) => typ ?? constant,
    ),
  );
  expect([...Object.keys(kinds), "portcullis-checkpoint"].toSorted()).toEqual([...new Set(named)].toSorted());
  expect(ourTypes).toEqual(expect.arrayContaining(named));
});

describe.each(rows)("a token of the kind %s", (typ, { take }) => {
  it("is taken as it was given out, until it expires", async () => {
    const { text, claims } = goodOf(typ);
    expect(await take(text, keys, nowMs)).not.toBeNull();
    expect(await take(text, keys, Number(claims["exp"]) * 1000 - 1)).not.toBeNull();
    expect(await take(text, keys, Number(claims["exp"]) * 1000)).toBeNull();
  });

  it("is refused in each of more than 200 other forms", async () => {
    const attacks = await attacksOn(goodOf(typ));
    expect(new Set(attacks.map(([, token]) => token)).size).toBeGreaterThan(200);
    const taken: string[] = [];
    for (const [what, token] of attacks) {
      if (token !== goodOf(typ).text && (await take(token, keys, nowMs)) !== null) taken.push(what);
    }
    expect(taken).toEqual([]);
  });

  it("is nothing else of ours, and nothing else is it", async () => {
    const taken: string[] = [];
    for (const [other, { take: takeOther }] of rows.filter(([one]) => one !== typ)) {
      if ((await takeOther(goodOf(typ).text, keys, nowMs)) !== null) taken.push(other);
    }
    const statement = { team: "tm_1" as TeamId, n: 1, hash: "h", at: "2026-11-02T09:00:00Z" };
    const checkpoint = await signCheckpoint(statement, keys);
    expect(await readCheckpoint(checkpoint, keys)).toEqual(statement);
    expect(await take(checkpoint, keys, nowMs)).toBeNull();
    expect(await readCheckpoint(goodOf(typ).text, keys)).toBeNull();
    expect(taken).toEqual([]);
  });

  it("outlives a rotation while its key is listed, and not after", async () => {
    const { text } = goodOf(typ);
    const next = { kty: "OKP", crv: "Ed25519", ...(await anotherKey()) };
    expect(await take(text, await readSigningKeys(JSON.stringify([next, own])), nowMs)).not.toBeNull();
    expect(await take(text, await readSigningKeys(JSON.stringify([next])), nowMs)).toBeNull();
  });

  it.each(examples)("is not $name", async ({ jws, key }) => {
    if (key) await compactVerify(jws, await importJWK(key, JSON.parse(headOf(jws)).alg));
    expect(await take(jws, keys, nowMs)).toBeNull();
    expect(await take(jws, keys, 1_300_819_000_000)).toBeNull();
  });

  it(
    "is refused with any bits of it flipped",
    async () => {
      const chance = seeded(seed);
      const taken: string[] = [];
      for (let n = 0; n < runs / rows.length; n++) {
        const token = flipped(goodOf(typ).text, chance);
        if (token !== goodOf(typ).text && (await take(token, keys, nowMs)) !== null) taken.push(token);
      }
      expect(taken, `seed ${seed}`).toEqual([]);
    },
    within(20_000),
  );
});

const headOf = (jws: string): string => new TextDecoder().decode(base64url.decode(jws.split(".")[0] ?? ""));

async function anotherKey(): Promise<{ x: string; d: string }> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const { x = "", d = "" } = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey;
  return { x, d };
}

/** One to three bits, of the text or of what one of its parts stands for. */
function flipped(token: string, chance: () => number): string {
  const parts = token.split(".");
  const at = Math.floor(chance() * 4);
  const whole = at === 3;
  const bytes = whole ? new TextEncoder().encode(token) : base64url.decode(parts[at] ?? "");
  for (let bits = 1 + Math.floor(chance() * 3); bits > 0; bits--) {
    const place = Math.floor(chance() * bytes.length);
    bytes[place] = (bytes[place] ?? 0) ^ (1 << Math.floor(chance() * (whole ? 7 : 8)));
  }
  if (whole) return new TextDecoder().decode(bytes);
  parts[at] = base64url.encode(bytes);
  return parts.join(".");
}
