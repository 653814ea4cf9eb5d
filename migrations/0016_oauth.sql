-- Sign-ins of OAuth clients for a grant. Their access and refresh tokens are signed and not stored: what stands, and which
-- refresh token is the next, is here.
CREATE TABLE oauth_family (
  id TEXT PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES "grant" (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,
  resource TEXT NOT NULL,                -- the gateway URL that its access tokens are for
  scope TEXT NOT NULL,
  generation INTEGER NOT NULL,           -- of the refresh token that may be used next
  rotated_at INTEGER NOT NULL,
  not_after INTEGER NOT NULL,            -- ended early by lowering it
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_family_by_grant ON oauth_family (grant_id, created_at);
