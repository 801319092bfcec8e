-- Mail on its way to other servers. Written by correo.queue alone. The states are the table in ARCHITECTURE.md.

CREATE TABLE queue_message (
  id INTEGER PRIMARY KEY,           -- the same id as in ledger_message
  sender TEXT NOT NULL,             -- as it will be written in MAIL FROM; "" is the null reverse-path of a bounce
  content_id INTEGER NOT NULL,      -- mailbox_content
  skip INTEGER NOT NULL,            -- octets of the Return-Path field we put in front, which other servers do not get
  size INTEGER NOT NULL,            -- octets without those
  body TEXT NOT NULL,               -- 7BIT or 8BITMIME (RFC 6152)
  utf8 INTEGER NOT NULL,            -- 1: addresses or header need SMTPUTF8 (RFC 6531)
  account_id INTEGER NOT NULL,      -- who submitted it, 0 when it came from elsewhere
  remaining INTEGER NOT NULL,       -- rows of queue_recipient; at 0 this row goes too
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,         -- when it is given up
  warn_at INTEGER NOT NULL          -- when the sender is told that it still waits; 0: never
);

CREATE TABLE queue_recipient (
  id INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL REFERENCES queue_message (id),
  address TEXT NOT NULL,            -- as it will be written in RCPT TO
  folded TEXT NOT NULL,             -- its comparison form, by which the ledger knows it
  original TEXT NOT NULL,           -- what the sender wrote, from which an alias may have led here
  destination TEXT NOT NULL,        -- comparison form of the domain
  state TEXT NOT NULL,              -- waiting active held
  attempts INTEGER NOT NULL,        -- that ended in an answer or in none; a lapsed lease does not count
  next_try INTEGER NOT NULL,
  lease TEXT NOT NULL,              -- who is at it, "" when nobody is
  lease_until INTEGER NOT NULL,
  warned INTEGER NOT NULL,          -- 1: the sender has been told that it still waits
  code INTEGER NOT NULL,            -- the last answer; 0 when there was none yet
  enhanced TEXT NOT NULL,
  reply TEXT NOT NULL,
  host TEXT NOT NULL,
  created INTEGER NOT NULL
);

-- destination is in the first index so that leaving out busy destinations reads no rows
CREATE INDEX queue_recipient_due ON queue_recipient (state, next_try, destination);
CREATE INDEX queue_recipient_message ON queue_recipient (message_id);
CREATE INDEX queue_recipient_destination ON queue_recipient (destination, state, next_try);
CREATE INDEX queue_message_content ON queue_message (content_id);
