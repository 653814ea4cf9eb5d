-- Webhooks: addresses of a team's own that are told of events. Every event is a row here until it was delivered or given up.
CREATE TABLE hook (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES team (id),
  url TEXT NOT NULL,
  events TEXT NOT NULL,                  -- JSON array of event names
  secret TEXT NOT NULL,                  -- sealed by src/upstream/hook_secret.ts
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_by_age ON hook (team_id, created_at, id);

CREATE TABLE hook_delivery (
  hook_id TEXT NOT NULL REFERENCES hook (id),
  event_id TEXT NOT NULL,
  team_id TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,                    -- JSON, as it is sent
  state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,              -- when to try again; while waiting
  status INTEGER,                        -- of the last answer; null = there was none
  problem TEXT,                          -- why the last attempt failed
  created_at INTEGER NOT NULL,
  tried_at INTEGER,
  PRIMARY KEY (hook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_delivery_due ON hook_delivery (next_at) WHERE state = 'waiting';
CREATE INDEX hook_delivery_by_age ON hook_delivery (hook_id, created_at, event_id);
