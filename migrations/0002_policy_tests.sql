-- The tests that a revision was saved with: a document that holds a JSON array; null = none.
ALTER TABLE policy_revision ADD COLUMN tests TEXT REFERENCES document (hash);
