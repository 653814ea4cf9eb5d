-- How a sign-in's client proves who it is when it renews its tokens, as it was when its person agreed.
ALTER TABLE oauth_family ADD COLUMN client_method TEXT NOT NULL DEFAULT 'none';

-- Clients that have registered themselves (RFC 7591). One that nobody agrees to is forgotten.
CREATE TABLE oauth_client (
  id TEXT PRIMARY KEY,
  metadata TEXT NOT NULL,                -- JSON (src/oauth/client.ts); names in it are hostile text
  secret_hash TEXT,                      -- SHA-256, hex; null = it has none
  created_at INTEGER NOT NULL,
  forget_at INTEGER NOT NULL             -- put off whenever somebody agrees to it
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_client_by_end ON oauth_client (forget_at);

-- What a person is asked, for one answer.
CREATE TABLE oauth_ticket (
  hash TEXT PRIMARY KEY,                 -- SHA-256, hex
  session TEXT NOT NULL,                 -- who was asked: the jti
  request TEXT NOT NULL,                 -- JSON (src/oauth/authorization_request.ts)
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_ticket_by_expiry ON oauth_ticket (expires_at);

-- Which grant a person gave a client for a server: agreeing again renews that one.
CREATE TABLE oauth_consent (
  team_id TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  member_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  client TEXT NOT NULL,                  -- what makes it the same client to its person (src/oauth/client.ts)
  server_id TEXT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
  grant_id TEXT NOT NULL UNIQUE REFERENCES "grant" (id) ON DELETE CASCADE,
  PRIMARY KEY (team_id, member_id, client, server_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_consent_by_member ON oauth_consent (member_id);
CREATE INDEX oauth_consent_by_server ON oauth_consent (server_id);

CREATE TABLE oauth_code (
  hash TEXT PRIMARY KEY,                 -- SHA-256, hex
  family_id TEXT NOT NULL REFERENCES oauth_family (id) ON DELETE CASCADE,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,               -- PKCE, S256
  used_at INTEGER,                       -- kept for a while, so that a second use is noticed
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_code_by_family ON oauth_code (family_id);
CREATE INDEX oauth_code_by_expiry ON oauth_code (expires_at);

-- Which policies people may choose for themselves at the consent page, besides those who may edit them.
CREATE TABLE policy_offer (
  policy_id TEXT NOT NULL REFERENCES policy (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'approver', 'auditor')),
  PRIMARY KEY (policy_id, role)
) STRICT, WITHOUT ROWID;
