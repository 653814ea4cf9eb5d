import type { Identity } from "../store/identity.ts";
import type { Issuer, IssuerAlgorithm } from "./issuer.ts";
import type { Mapping } from "./mapping.ts";

/** A stored identity, ready to judge tokens by. What is in its JSON was checked when it was saved. */
export const readIssuer = ({ team, revision, issuer, audience, ...stored }: Identity): Issuer => ({
  team,
  revision,
  issuer,
  audience,
  algorithms: JSON.parse(stored.algorithms) as IssuerAlgorithm[],
  jwksUri: stored.jwksUri,
  mapping: JSON.parse(stored.mapping) as Mapping,
});
