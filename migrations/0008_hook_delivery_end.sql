-- What ended long ago is forgotten each minute, over all teams.
CREATE INDEX hook_delivery_by_end ON hook_delivery (created_at) WHERE state <> 'waiting';
