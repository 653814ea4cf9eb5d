import { createHash } from "node:crypto";
import type { Random } from "../id.ts";

const codes = 10;
const codeBytes = 10;
// Crockford's base 32 in lower case: no i, l, o, u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Ten codes of 80 random bits, such as `3v8k-0qpz-a7xm-4twd`: each works once where the other ways are lost. */
export const newRecoveryCodes = (random: Random): string[] =>
  Array.from({ length: codes }, () => {
    const bits = [...random(codeBytes)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const text = (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join("");
    return (text.match(/.{4}/g) ?? []).join("-");
  });

/** What is stored of a code, and looked for: 80 random bits need no salt. Case, dashes and spaces do not count. */
export const hashRecoveryCode = (code: string): string =>
  createHash("sha256")
    .update(code.toLowerCase().replaceAll(/[^0-9a-z]/g, ""))
    .digest("hex");
