-- Tokens with which a person's scripts call /v1, each in one team; the signed text itself is not stored.
CREATE TABLE script_token (
  jti TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES user (id),
  team_id TEXT NOT NULL REFERENCES team (id),
  role TEXT NOT NULL CHECK (role IN ('viewer', 'policy_manager', 'admin')),  -- at most; the person's own where that is less
  label TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER                   -- to a few minutes; null = never
) STRICT, WITHOUT ROWID;
CREATE INDEX script_token_by_user ON script_token (user_id, created_at, jti);
CREATE INDEX script_token_by_team ON script_token (team_id, user_id);
CREATE INDEX script_token_by_expiry ON script_token (expires_at);
