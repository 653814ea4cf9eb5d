-- Links that were mailed to a person: what stands behind the # of one proves that its mail was read. Each works once.
CREATE TABLE mail_link (
  hash TEXT PRIMARY KEY,                 -- SHA-256 of what the link holds, hex
  user_id TEXT NOT NULL REFERENCES user (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('confirm_email', 'reset_password')),
  email TEXT NOT NULL,                   -- where it was sent, lower case
  expires_at INTEGER NOT NULL,
  UNIQUE (user_id, purpose)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_link_by_expiry ON mail_link (expires_at);
