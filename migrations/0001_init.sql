-- The control plane's database. Times are milliseconds since 1970; ids carry their kind as a prefix (src/id.ts).
-- Every tenant table starts its indexes with the team, so that one indexed look-up answers whatever the size.

CREATE TABLE user (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,            -- lower case
  password TEXT NOT NULL,                -- scrypt, parameters and salt included (src/identity/password.ts)
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  jti TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES user (id),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE team (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  zone TEXT NOT NULL DEFAULT 'UTC',      -- IANA name
  frozen TEXT NOT NULL DEFAULT 'off' CHECK (frozen IN ('off', 'writes', 'all')),
  epoch INTEGER NOT NULL DEFAULT 1,      -- one more with every edit that a gate must know of
  data_key TEXT NOT NULL,                -- wrapped by a master key
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
  team_id TEXT NOT NULL REFERENCES team (id),
  user_id TEXT NOT NULL REFERENCES user (id),
  role TEXT NOT NULL CHECK (role IN ('viewer', 'policy_manager', 'admin')),
  approver INTEGER NOT NULL DEFAULT 0 CHECK (approver IN (0, 1)),
  auditor INTEGER NOT NULL DEFAULT 0 CHECK (auditor IN (0, 1)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_user ON member (user_id);

-- Policy documents and tool definitions, each text once, whoever saved it.
CREATE TABLE document (
  hash TEXT PRIMARY KEY,                 -- SHA-256 of body, hex
  body TEXT NOT NULL
) STRICT;

CREATE TABLE server (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES team (id),
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  auth_type TEXT NOT NULL CHECK (auth_type IN ('none', 'headers')),
  credential TEXT,                       -- sealed by src/upstream/vault.ts, bound to the URL's origin
  state TEXT NOT NULL CHECK (state IN ('ready', 'pending')),
  why TEXT CHECK (why IN ('unreachable', 'not_mcp', 'needs_sign_in')),
  detail TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (team_id, slug)
) STRICT, WITHOUT ROWID;
CREATE INDEX server_by_age ON server (team_id, created_at, id);

-- A tool is usable while pinned_hash = seen_hash; changed and new ones wait for a person (quarantine).
CREATE TABLE tool (
  server_id TEXT NOT NULL REFERENCES server (id),
  name TEXT NOT NULL,
  pinned_hash TEXT,                      -- the accepted definition; null = never accepted
  seen_hash TEXT,                        -- the definition of the last look; null = gone from the server
  pinned_document TEXT REFERENCES document (hash),
  seen_document TEXT REFERENCES document (hash),
  category TEXT NOT NULL,
  level TEXT NOT NULL,
  flags TEXT NOT NULL,                   -- JSON array
  evidence TEXT NOT NULL,                -- JSON
  PRIMARY KEY (server_id, name)
) STRICT, WITHOUT ROWID;

-- server_id null = the team policy, of which there is at most one.
CREATE TABLE policy (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES team (id),
  server_id TEXT REFERENCES server (id),
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (team_id, server_id, slug),
  UNIQUE (team_id, server_id, name)      -- people call it by name too, and a name may leave nothing for a slug
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX policy_of_team ON policy (team_id) WHERE server_id IS NULL;

CREATE TABLE policy_revision (
  policy_id TEXT NOT NULL REFERENCES policy (id),
  revision INTEGER NOT NULL,
  document TEXT NOT NULL REFERENCES document (hash),
  note TEXT,
  author_id TEXT NOT NULL REFERENCES user (id),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (policy_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE "grant" (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES team (id),
  label TEXT NOT NULL,
  tags TEXT NOT NULL,                    -- JSON array of strings
  member_id TEXT REFERENCES user (id),
  creator_id TEXT NOT NULL REFERENCES user (id),
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_by_age ON "grant" (team_id, created_at, id);

CREATE TABLE grant_token (
  grant_id TEXT NOT NULL REFERENCES "grant" (id),
  jti TEXT NOT NULL,
  not_after INTEGER NOT NULL,
  PRIMARY KEY (grant_id, jti)
) STRICT, WITHOUT ROWID;

CREATE TABLE grant_server (
  grant_id TEXT NOT NULL REFERENCES "grant" (id),
  server_id TEXT NOT NULL REFERENCES server (id),
  policy_id TEXT REFERENCES policy (id), -- null = nothing is permitted
  PRIMARY KEY (grant_id, server_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_server_by_server ON grant_server (server_id);
CREATE INDEX grant_server_by_policy ON grant_server (policy_id);

-- Gates that have not yet acknowledged an edit: a row leaves when its gate stands at this epoch or a later one.
CREATE TABLE outbox (
  grant_id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  tried_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_turn ON outbox (tried_at);
