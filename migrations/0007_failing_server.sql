-- Which servers began to fail is asked each minute, over all teams.
CREATE INDEX server_by_trouble ON server (failing_since) WHERE failing_since IS NOT NULL;
