-- The objects that hold accounts at servers are emptied too. SQLite cannot change a CHECK, and the code knows the kinds.
CREATE TABLE erasure_next (
  kind TEXT NOT NULL,                    -- gate, log, account or document (src/store/erasure.ts)
  name TEXT NOT NULL,                    -- the object's name, or a text's hash
  tried_at INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO erasure_next (kind, name, tried_at) SELECT kind, name, tried_at FROM erasure;
DROP TABLE erasure;
ALTER TABLE erasure_next RENAME TO erasure;
CREATE INDEX erasure_by_turn ON erasure (tried_at);
