-- What the operator lets one team have, where that is not what every team may have (src/store/quota.ts).
CREATE TABLE team_quota (
  team_id TEXT NOT NULL REFERENCES team (id),
  name TEXT NOT NULL,
  max INTEGER NOT NULL,                  -- refuses null: so a batch breaks that would go past a quota
  PRIMARY KEY (team_id, name)
) STRICT, WITHOUT ROWID;

-- How many grants of a team stand is asked with every new one.
CREATE INDEX grant_by_standing ON "grant" (team_id, expires_at) WHERE revoked_at IS NULL;

-- Requests that came with an Idempotency-Key, for a day.
CREATE TABLE idempotency (
  id TEXT PRIMARY KEY,                   -- SHA-256 over person and key, hex
  request TEXT NOT NULL,                 -- SHA-256 over what was asked, hex
  answer TEXT,                           -- sealed by src/api/idempotency.ts; null = there is none yet
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
