-- People who come through their team's own identity provider have neither address nor password. SQLite cannot take NOT NULL
-- off a column, so the table is made anew; what refers to it is checked again when all its rows are back.
PRAGMA defer_foreign_keys = on;
CREATE TABLE user_before AS SELECT id, email, password, created_at FROM user;
DROP TABLE user;
CREATE TABLE user (
  id TEXT PRIMARY KEY,
  email TEXT UNIQUE,                     -- lower case
  email_verified_at INTEGER,             -- null = nobody has shown that mail to the address reaches them
  password TEXT,                         -- scrypt, parameters and salt included (src/identity/password.ts)
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO user (id, email, password, created_at) SELECT id, email, password, created_at FROM user_before;
DROP TABLE user_before;

ALTER TABLE session ADD COLUMN team_id TEXT REFERENCES team (id);      -- null = every team of the person
ALTER TABLE session ADD COLUMN kind TEXT NOT NULL DEFAULT 'password' CHECK (kind IN ('password', 'passkey', 'sso'));
ALTER TABLE session ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN client TEXT NOT NULL DEFAULT '';        -- the User-Agent that signed in, cut: hostile text
UPDATE session SET created_at = max(0, expires_at - 43200000), last_used_at = max(0, expires_at - 43200000);
CREATE INDEX session_by_user ON session (user_id, created_at, jti);
CREATE INDEX session_by_team ON session (team_id) WHERE team_id IS NOT NULL;
