-- What is wrapped by a master key begins with that key's version; which is behind is asked each minute, over all teams.
CREATE INDEX team_by_key ON team (CAST(data_key AS INTEGER), id);
CREATE INDEX hook_by_key ON hook (CAST(secret AS INTEGER), id);
CREATE INDEX totp_by_key ON totp (CAST(secret AS INTEGER), user_id);
CREATE INDEX identity_by_key ON identity (CAST(client_secret AS INTEGER), team_id) WHERE client_secret IS NOT NULL;
