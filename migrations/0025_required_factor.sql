-- Whether a team lets its members in only once they have a second factor; people of its identity provider have theirs there.
ALTER TABLE team ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1));
