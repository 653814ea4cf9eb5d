-- How long a team keeps its log; the log itself drops what is older.
ALTER TABLE team ADD COLUMN retention_days INTEGER NOT NULL DEFAULT 365 CHECK (retention_days BETWEEN 1 AND 3650);

-- Events of the control plane that the team's log has yet to take: written in the batch of the change that they tell of.
CREATE TABLE event (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL,
  body TEXT NOT NULL,                    -- JSON of the log's entry
  tried_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX event_by_turn ON event (tried_at);

-- Sign-ins refused before anybody was known: nothing to address a team's log by (docs/record.md).
CREATE TABLE refused_sign_in (
  hour INTEGER NOT NULL,                 -- its first millisecond
  surface TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hour, surface)
) STRICT, WITHOUT ROWID;
