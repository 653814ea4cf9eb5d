-- How a server fares. `why` and `detail` tell of the trouble that began at failing_since, or why it is pending.
ALTER TABLE server ADD COLUMN failing_since INTEGER;                 -- null = it does not fail
ALTER TABLE server ADD COLUMN looked_at INTEGER;                     -- the last look that saw its tools
ALTER TABLE server ADD COLUMN look_at INTEGER NOT NULL DEFAULT 0;    -- when to look again
ALTER TABLE server ADD COLUMN auto_accept INTEGER NOT NULL DEFAULT 0 CHECK (auto_accept IN (0, 1));
CREATE INDEX server_by_look ON server (look_at);

-- The definition that a person refused; it stays held back while the server shows it.
ALTER TABLE tool ADD COLUMN rejected_hash TEXT;
