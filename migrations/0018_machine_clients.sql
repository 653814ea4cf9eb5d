-- OAuth clients of a team's own, for machines: each signs in for one grant, by a family of its own.
CREATE TABLE machine_client (
  team_id TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  id TEXT NOT NULL UNIQUE,
  grant_id TEXT NOT NULL REFERENCES "grant" (id) ON DELETE CASCADE,
  family_id TEXT NOT NULL REFERENCES oauth_family (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  secret_hash TEXT,                      -- SHA-256, hex; null = it signs assertions
  keys TEXT,                             -- a JWKS of public keys; null = it has a secret
  created_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX machine_client_by_grant ON machine_client (grant_id, created_at, id);
CREATE INDEX machine_client_by_family ON machine_client (family_id);

-- Assertions that were used (RFC 7523 §3, jti), until they have expired.
CREATE TABLE oauth_assertion (
  hash TEXT PRIMARY KEY,                 -- SHA-256 over who signed it and its jti, hex
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_assertion_by_expiry ON oauth_assertion (expires_at);
