import { hkdfSync } from "node:crypto";
import type { TeamId } from "../id.ts";

/** The key under which a team's argument hashes are made, derived (RFC 5869) from the current master key. */
export const argumentKey = (masterKey: Uint8Array, team: TeamId): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", masterKey, new Uint8Array(), `portcullis argument hash ${team}`, 32));
