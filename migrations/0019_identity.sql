-- A team's own identity provider. Whoever it names exists inside this team only, and is never matched with an account.
CREATE TABLE identity (
  team_id TEXT PRIMARY KEY REFERENCES team (id),
  revision INTEGER NOT NULL,             -- rises with every change, also over a removal: what was judged by an older one is not in force
  issuer TEXT NOT NULL,
  audience TEXT NOT NULL,
  algorithms TEXT NOT NULL,              -- JSON array
  jwks_uri TEXT NOT NULL,
  mapping TEXT NOT NULL,                 -- JSON (src/identity/mapping.ts)
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whom an issuer's valid token has named, or an admin. It stays when its grant is revoked, so that it stays refused.
CREATE TABLE subject (
  team_id TEXT NOT NULL REFERENCES team (id),
  issuer TEXT NOT NULL,
  sub TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,   -- the person or machine, without address and password
  grant_id TEXT REFERENCES "grant" (id) ON DELETE SET NULL, -- null = its next token makes one
  role TEXT CHECK (role IN ('viewer', 'policy_manager', 'admin')),  -- as its grant's policies see it
  mapped TEXT,                           -- what its claims came to, hashed
  mapped_revision INTEGER,               -- the revision of `identity` that they were read by
  mapped_iat REAL,                       -- when the token was issued that changed it last, in seconds: older ones change nothing
  refused_at INTEGER,                    -- null = its tokens are taken
  created_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, issuer, sub)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX subject_by_grant ON subject (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX subject_by_user ON subject (user_id);
CREATE INDEX subject_by_age ON subject (team_id, created_at, user_id);
