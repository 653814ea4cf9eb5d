import { createHash, timingSafeEqual } from "node:crypto";
import { base64url } from "jose";
import type { Random } from "../id.ts";

const secretBytes = 32;

/** 256 random bits, in base64url. */
export const newSecret = (random: Random): string => base64url.encode(random(secretBytes));

/** What is stored of a secret, in hex. A plain hash will do: it stands for something that is as random as a key. */
export const hashSecret = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** Whether a secret is the one that this hash was stored for. */
export const isSecret = (given: string, hash: string): boolean =>
  timingSafeEqual(Buffer.from(hashSecret(given), "hex"), Buffer.from(hash, "hex"));
