-- How a message is to be carried (RFC 2852, RFC 4865, RFC 6710): columns of tables that correo.queue writes alone.

ALTER TABLE queue_message ADD COLUMN deliver_by INTEGER NOT NULL DEFAULT 0;  -- when it is to be there; 0: no such time
ALTER TABLE queue_message ADD COLUMN by_mode TEXT NOT NULL DEFAULT '';       -- R: else it goes back, N: else its sender is told; with T: he is told of each server, too
ALTER TABLE queue_message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;    -- -9..9
ALTER TABLE queue_recipient ADD COLUMN local INTEGER NOT NULL DEFAULT 0;     -- 1: an account here, whose mail is held until next_try
ALTER TABLE queue_recipient ADD COLUMN behind INTEGER NOT NULL DEFAULT 0;    -- microseconds by which it counts as due later than it is

-- With behind in it, so that claiming still reads the index alone.
DROP INDEX queue_recipient_due;
CREATE INDEX queue_recipient_due ON queue_recipient (state, next_try, destination, behind);
