-- Servers that are signed in to by OAuth. SQLite cannot change a CHECK; a column with a CHECK of its own can be exchanged.
ALTER TABLE server ADD COLUMN auth TEXT NOT NULL DEFAULT 'none' CHECK (auth IN ('none', 'headers', 'oauth'));
UPDATE server SET auth = auth_type;
ALTER TABLE server DROP COLUMN auth_type;
ALTER TABLE server RENAME COLUMN auth TO auth_type;
ALTER TABLE server ADD COLUMN oauth TEXT;  -- JSON: per, issuer, client_id, scope; null unless auth_type is oauth

-- Accounts at servers that somebody has connected: the team's own, or a member's. The tokens are with the account's object.
CREATE TABLE connection (
  id TEXT PRIMARY KEY,                     -- another one each time that somebody connects
  team_id TEXT NOT NULL REFERENCES team (id),
  server_id TEXT NOT NULL REFERENCES server (id),
  member_id TEXT NOT NULL,                 -- '' = the team's own
  issuer TEXT NOT NULL,
  scope TEXT NOT NULL,
  wanted TEXT,                             -- the scope that the server asked for besides
  state TEXT NOT NULL CHECK (state IN ('connected', 'expires', 'needs_sign_in')),
  detail TEXT,
  since INTEGER NOT NULL,                  -- when that state began
  expires_at INTEGER,                      -- when access ends that nothing renews
  connector_id TEXT NOT NULL,              -- who signed in
  created_at INTEGER NOT NULL,
  UNIQUE (server_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX connection_by_member ON connection (team_id, member_id);
-- Which need somebody is asked each minute, over all teams.
CREATE INDEX connection_by_trouble ON connection (since) WHERE state = 'needs_sign_in';
CREATE INDEX connection_by_end ON connection (expires_at) WHERE state = 'expires';

-- People on their way to an authorization server and back. Each row is used once.
CREATE TABLE connect_attempt (
  state_hash TEXT PRIMARY KEY,             -- SHA-256 of the state, hex
  team_id TEXT NOT NULL REFERENCES team (id),
  server_id TEXT NOT NULL REFERENCES server (id),
  member_id TEXT NOT NULL,                 -- '' = for the team
  user_id TEXT NOT NULL,
  jti TEXT NOT NULL,                       -- the session that began it
  attempt TEXT NOT NULL,                   -- sealed under the team's data key
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX connect_attempt_by_expiry ON connect_attempt (expires_at);
CREATE INDEX connect_attempt_by_server ON connect_attempt (server_id);

-- What authorization servers have registered us as, for the accounts of one server.
CREATE TABLE upstream_client (
  server_id TEXT NOT NULL REFERENCES server (id),
  issuer TEXT NOT NULL,
  client TEXT NOT NULL,                    -- sealed under the team's data key
  created_at INTEGER NOT NULL,
  PRIMARY KEY (server_id, issuer)
) STRICT, WITHOUT ROWID;
