import { createHash } from "node:crypto";
import { base64url } from "jose";
import type { Random } from "../id.ts";

const secretBytes = 32;

/**
 * What an invitation's link holds: 256 random bits. It is not signed, because the database must be asked all the same
 * whether it was used, and what is not in the database cannot be guessed.
 */
export const newInvitationToken = (random: Random): string => base64url.encode(random(secretBytes));

/** What is stored of it. A plain hash will do: it stands for something that is as random as a key. */
export const hashInvitationToken = (token: string): string =>
  createHash("sha256").update(token).digest("hex");
