import type { TeamId } from "../id.ts";
import type { Mapping } from "./mapping.ts";

/** What a team may let its issuer sign with: public keys only, so that whoever can check a token cannot make one. */
export const issuerAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
export type IssuerAlgorithm = (typeof issuerAlgorithms)[number];

/** A team's own identity provider, as its tokens are judged by. It exists inside that team only. */
export interface Issuer {
  readonly team: TeamId;
  /** One more with every change of what is here. */
  readonly revision: number;
  /** The exact text of the tokens' `iss`. */
  readonly issuer: string;
  /** What the tokens' `aud` must hold. */
  readonly audience: string;
  readonly algorithms: readonly IssuerAlgorithm[];
  readonly jwksUri: string;
  readonly mapping: Mapping;
}
