-- What a person shows beside their password, or in its place.
CREATE TABLE totp (
  user_id TEXT PRIMARY KEY REFERENCES user (id),
  secret TEXT NOT NULL,                  -- sealed by src/upstream/totp_secret.ts
  confirmed_at INTEGER,                  -- null = setting it up has begun
  last_step INTEGER NOT NULL,            -- the newest time step of which a code was used; 0 = none
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_code (
  user_id TEXT NOT NULL REFERENCES user (id),
  hash TEXT NOT NULL,                    -- SHA-256, hex
  used_at INTEGER,
  PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkey (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES user (id),
  credential TEXT NOT NULL UNIQUE,       -- what the authenticator calls it, base64url
  public_key TEXT NOT NULL,              -- COSE, base64url
  counter INTEGER NOT NULL,              -- how often its authenticator says it was used
  transports TEXT NOT NULL,              -- JSON array
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER                        -- null = never
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_by_user ON passkey (user_id, created_at, id);

-- Challenges that were answered, until their time is up: a second answer breaks the key.
CREATE TABLE spent_challenge (
  jti TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_challenge_by_expiry ON spent_challenge (expires_at);
