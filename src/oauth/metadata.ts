import { issuerAlgorithms } from "../identity/issuer.ts";
import { scope } from "./family.ts";
import { grantTypes } from "./token.ts";

const methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/** The authorization server (RFC 8414 §2). `origin` is its issuer. */
export const serverMetadata = (origin: string) => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
  revocation_endpoint: `${origin}/revoke`,
  jwks_uri: `${origin}/.well-known/jwks.json`,
  scopes_supported: [scope],
  response_types_supported: ["code"],
  response_modes_supported: ["query"],
  grant_types_supported: grantTypes,
  token_endpoint_auth_methods_supported: methods,
  token_endpoint_auth_signing_alg_values_supported: issuerAlgorithms,
  revocation_endpoint_auth_methods_supported: methods,
  revocation_endpoint_auth_signing_alg_values_supported: issuerAlgorithms,
  code_challenge_methods_supported: ["S256"],
  authorization_response_iss_parameter_supported: true,
  client_id_metadata_document_supported: true,
});

/** A gateway (RFC 9728 §2). The same for one that is not there: nobody learns here whose exist. */
export const resourceMetadata = (origin: string, path: string) => ({
  resource: `${origin}${path}`,
  authorization_servers: [origin],
  scopes_supported: [scope],
  bearer_methods_supported: ["header"],
  resource_name: "Portcullis",
});
