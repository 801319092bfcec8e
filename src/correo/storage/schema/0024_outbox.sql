-- What an account has sent and still waits, shown to it as messages (docs/decisions/0017-outbox.md).

-- What an account waits for is found without a look at all that waits; what came from elsewhere (0) is not in it. An index of a
-- table that correo.queue writes alone.
CREATE INDEX queue_message_account ON queue_message (account_id) WHERE account_id <> 0;

-- Which message of an Outbox shows what. Written by correo.mailbox alone.
CREATE TABLE mailbox_shown (
  mailbox_id INTEGER NOT NULL,
  source INTEGER NOT NULL,          -- id of what is shown, kept elsewhere: a message in the queue
  uid INTEGER NOT NULL,
  version TEXT NOT NULL,            -- how that stood when it was shown
  PRIMARY KEY (mailbox_id, source)
) WITHOUT ROWID;

CREATE INDEX mailbox_shown_uid ON mailbox_shown (mailbox_id, uid);
