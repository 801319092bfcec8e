-- The journey of every message. Written by correo.ledger alone, in the transactions that move the mail itself.

CREATE TABLE ledger_message (
  id INTEGER PRIMARY KEY,           -- shown to people in base 32
  at INTEGER NOT NULL,
  protocol TEXT NOT NULL,           -- smtp submission lmtp imap bounce
  source TEXT NOT NULL,             -- the client's address, "" for what we made ourselves
  account TEXT NOT NULL,            -- who was logged in, or ""
  sender TEXT NOT NULL,             -- comparison form, "" = null reverse-path
  message_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  size INTEGER NOT NULL
);

CREATE INDEX ledger_message_header ON ledger_message (message_id);
CREATE INDEX ledger_message_sender ON ledger_message (sender, id);

CREATE TABLE ledger_entry (
  message_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  recipient TEXT NOT NULL,          -- comparison form
  event TEXT NOT NULL,              -- accepted expanded delivered deferred relayed bounced discarded warned held released
  delta INTEGER NOT NULL,           -- what this does to the number of recipients in our care: +1 accepted, -1 at each end
  host TEXT NOT NULL,               -- where to, or by whom
  detail TEXT NOT NULL,             -- the reply, the mailbox, the rule
  PRIMARY KEY (message_id, id)
) WITHOUT ROWID;

-- Over all events: a target that an alias led to has no 'accepted' of its own.
CREATE INDEX ledger_entry_recipient ON ledger_entry (recipient, message_id);
