import { describe, expect, it } from "vitest";
import { base32, newTotpSecret, otpauthUri, stepOf, totpCode } from "../../src/identity/totp.ts";

const text = (secret: string) => new TextEncoder().encode(secret);
// RFC 4226, appendix D, and RFC 6238, appendix B, of whose eight digits the last six are ours.
const secret = text("12345678901234567890");
const byCounter = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489".split(" ");
const bySecond: readonly [seconds: number, code: string][] = [
  [59, "94287082"],
  [1111111109, "07081804"],
  [1111111111, "14050471"],
  [1234567890, "89005924"],
  [2000000000, "69279037"],
  [20000000000, "65353130"],
];

describe("a code", () => {
  it.each(byCounter.map((code, counter) => [counter, code] as const))(
    "of counter %i is %s",
    (counter, code) => {
      expect(totpCode(secret, counter)).toBe(code);
    },
  );

  it.each(bySecond)("of second %i is the end of %s", (seconds, code) => {
    expect(totpCode(secret, Math.floor(seconds / 30))).toBe(code.slice(-6));
    expect(stepOf(secret, code.slice(-6), seconds * 1000)).toBe(Math.floor(seconds / 30));
  });

  it("is taken in its own step and in the one before and behind it, and in no other", () => {
    const taken = (step: number) => stepOf(secret, totpCode(secret, 1_000), step * 30_000);
    expect([998, 999, 1_000, 1_001, 1_002].map(taken)).toEqual([null, 1_000, 1_000, 1_000, null]);
  });

  it.each(["", "12345", "1234567", "２８７０８２", "28708x", "-87082"])(
    "is six digits, unlike %j",
    (given) => {
      expect(stepOf(secret, given, 59_000)).toBeNull();
    },
  );

  it("may have a space in it, as apps show it", () => {
    expect(stepOf(secret, "287 082", 59_000)).toBe(1);
  });
});

it.each([
  ["f", "MY"],
  ["fo", "MZXQ"],
  ["foo", "MZXW6"],
  ["foob", "MZXW6YQ"],
  ["fooba", "MZXW6YTB"],
  ["foobar", "MZXW6YTBOI"],
])("%j is %s in base 32 (RFC 4648, §10)", (given, written) => {
  expect(base32(text(given))).toBe(written);
});

it("a secret has 160 bits, and its address says whose it is", () => {
  const made = newTotpSecret((count) => new Uint8Array(count).fill(255));
  expect(base32(made)).toBe("7".repeat(32));
  expect(otpauthUri(made, "gate.example:8443", "a+b@example.com")).toBe(
    `otpauth://totp/gate.example%3A8443:a%2Bb%40example.com?secret=${"7".repeat(32)}&issuer=gate.example%3A8443`,
  );
});
