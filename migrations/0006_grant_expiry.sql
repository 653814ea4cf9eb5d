-- Which grants end soon is asked each minute, over all teams.
CREATE INDEX grant_by_expiry ON "grant" (expires_at) WHERE revoked_at IS NULL;
