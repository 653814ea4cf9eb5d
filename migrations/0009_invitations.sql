-- People who were asked to join a team. One that was accepted, withdrawn or replaced stays until its time is up, so that
-- a team's invitations of a day can be counted.
CREATE TABLE invitation (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES team (id),
  email TEXT NOT NULL,                   -- lower case
  role TEXT NOT NULL CHECK (role IN ('viewer', 'policy_manager', 'admin')),
  approver INTEGER NOT NULL CHECK (approver IN (0, 1)),
  auditor INTEGER NOT NULL CHECK (auditor IN (0, 1)),
  token_hash TEXT NOT NULL UNIQUE,       -- SHA-256 of what the link holds, hex
  inviter_id TEXT NOT NULL REFERENCES user (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER                       -- null = it can be accepted until it expires
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitation_open ON invitation (team_id, email) WHERE ended_at IS NULL;
CREATE INDEX invitation_by_age ON invitation (team_id, created_at, id);
CREATE INDEX invitation_by_expiry ON invitation (expires_at);
