-- What the sender of a message wants to be told (RFC 3461): columns of tables that correo.queue writes alone.

ALTER TABLE queue_message ADD COLUMN ret TEXT NOT NULL DEFAULT '';        -- FULL or HDRS, '' where nothing was said
ALTER TABLE queue_message ADD COLUMN envid TEXT NOT NULL DEFAULT '';      -- as it was written
ALTER TABLE queue_recipient ADD COLUMN notify INTEGER NOT NULL DEFAULT -1; -- bits of mail.wishes.Notify, -1 where nothing was said
ALTER TABLE queue_recipient ADD COLUMN orcpt TEXT NOT NULL DEFAULT '';    -- as it was written
