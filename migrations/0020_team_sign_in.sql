-- People sign in to their team's pages by its identity provider.
ALTER TABLE identity ADD COLUMN sign_in TEXT;        -- JSON (src/identity/sign_in_at_issuer.ts); null = nobody can
ALTER TABLE identity ADD COLUMN client_secret TEXT;  -- the client's secret or private key, sealed by src/upstream/client_secret.ts
ALTER TABLE identity ADD COLUMN required INTEGER NOT NULL DEFAULT 0 CHECK (required IN (0, 1));  -- people with an account stay out
ALTER TABLE identity ADD COLUMN break_glass_id TEXT REFERENCES user (id);  -- the one of them who does not, with a second factor
