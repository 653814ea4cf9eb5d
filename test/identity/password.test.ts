import { expect, it } from "vitest";
import { checkPassword, hashPassword } from "../../src/identity/password.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));

it("a password is stored as a salted scrypt hash, and only it opens that", async () => {
  const stored = await hashPassword("correct horse battery", random);
  expect(stored).toMatch(/^scrypt\$14\$8\$5\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/);
  expect(await hashPassword("correct horse battery", random)).not.toBe(stored);
  expect(await checkPassword("correct horse battery", stored)).toBe(true);
  expect(await checkPassword("correct horse batterz", stored)).toBe(false);
});

it("a password typed in another Unicode form is the same password", async () => {
  const stored = await hashPassword("Zo\u00eb likes caf\u00e9", random);
  expect(await checkPassword("Zoe\u0308 likes cafe\u0301", stored)).toBe(true);
});

it("no password is right where there is no user, and finding out costs the same work", async () => {
  const stored = await hashPassword("correct horse battery", random);
  const timed = async (against: string | null) => {
    const started = performance.now();
    expect(await checkPassword("something else", against)).toBe(false);
    return performance.now() - started;
  };
  const [known, unknown] = [await timed(stored), await timed(null)];
  // workerd stops its clock between events in production; where it runs, the two must be of one size.
  if (known > 0) expect(unknown).toBeGreaterThan(known / 4);
  expect(await checkPassword("", null)).toBe(false);
});

it("a stored hash of another scheme is refused loudly", async () => {
  await expect(checkPassword("x", "md5$abc")).rejects.toThrow("unknown password scheme");
});
