-- What a deleted team leaves outside its rows: objects to be emptied, and texts that perhaps nobody uses any more. A row
-- leaves when that is done.
CREATE TABLE erasure (
  kind TEXT NOT NULL CHECK (kind IN ('gate', 'log', 'document')),
  name TEXT NOT NULL,                    -- a grant's or a team's id, or a text's hash
  tried_at INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_by_turn ON erasure (tried_at);

-- Whether a text is in use is asked of all teams.
CREATE INDEX tool_by_pinned_document ON tool (pinned_document) WHERE pinned_document IS NOT NULL;
CREATE INDEX tool_by_seen_document ON tool (seen_document) WHERE seen_document IS NOT NULL;
CREATE INDEX policy_revision_by_document ON policy_revision (document);
CREATE INDEX policy_revision_by_tests ON policy_revision (tests) WHERE tests IS NOT NULL;
CREATE INDEX event_by_team ON event (team_id);
CREATE INDEX outbox_by_team ON outbox (team_id);
