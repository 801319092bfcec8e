-- Mailboxes and what is in them. Written by correo.mailbox alone.

CREATE TABLE mailbox_account (
  account_id INTEGER PRIMARY KEY,
  modseq INTEGER NOT NULL,          -- the last one given out; strictly grows (RFC 7162 §3.1)
  uidvalidity INTEGER NOT NULL      -- the last one given out; strictly grows, so a name made anew never repeats one
);

CREATE TABLE mailbox_mailbox (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL,
  name TEXT NOT NULL,               -- the whole path in NFC, parted by "/"; the inbox is "INBOX"
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL,
  modseq INTEGER NOT NULL,          -- HIGHESTMODSEQ of this mailbox
  forgotten INTEGER NOT NULL,       -- changes up to this modseq have left the change log
  recent INTEGER NOT NULL,          -- UIDs from here on have been \Recent to no session yet
  messages INTEGER NOT NULL,        -- counters, kept in step by every statement that changes messages
  unseen INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  size INTEGER NOT NULL,            -- octets of all messages
  special_use TEXT NOT NULL,        -- "\Sent" and the like (RFC 6154), or ""
  created INTEGER NOT NULL,
  UNIQUE (account_id, name)
);

CREATE TABLE mailbox_subscription (
  account_id INTEGER NOT NULL,
  name TEXT NOT NULL,               -- may name a mailbox that does not exist (RFC 3501 §6.3.6)
  PRIMARY KEY (account_id, name)
) WITHOUT ROWID;

-- A message as it arrived, once, however many mailboxes and queue entries point to it. The header is kept apart from the
-- body: clients read headers alone all day, and copies of one message differ in their headers only.
CREATE TABLE mailbox_content (
  id INTEGER PRIMARY KEY,
  size INTEGER NOT NULL,            -- octets of header and body
  header_size INTEGER NOT NULL,     -- octets up to and including the empty line
  body_id INTEGER NOT NULL,         -- mailbox_body
  envelope BLOB NOT NULL,           -- ready to send, from mail.message.summarise
  bodystructure BLOB NOT NULL,
  parts BLOB NOT NULL,              -- offsets, see mail.message.sections
  header BLOB NOT NULL,             -- a zstd frame where its length is not header_size, else the octets themselves
  message_id TEXT NOT NULL,
  subject TEXT NOT NULL,            -- decoded, for lists and traces
  sent INTEGER,                     -- the Date field, NULL when there is none that can be read
  sent_zone INTEGER NOT NULL,       -- minutes east of UTC
  created INTEGER NOT NULL
);

CREATE INDEX mailbox_content_body ON mailbox_content (body_id);

CREATE TABLE mailbox_body (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,        -- BLAKE2b-128 of the octets: equal bodies are kept once
  size INTEGER NOT NULL,
  data BLOB NOT NULL                -- a zstd frame where its length is not size, else the octets themselves
);

-- What lost its last pointer, perhaps: correo.mailbox.collect looks again in a transaction before it deletes.
CREATE TABLE mailbox_orphan (
  content_id INTEGER PRIMARY KEY,
  since INTEGER NOT NULL
);

CREATE INDEX mailbox_orphan_since ON mailbox_orphan (since, content_id);

CREATE TABLE mailbox_message (
  mailbox_id INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  content_id INTEGER NOT NULL,
  flags INTEGER NOT NULL,           -- bits of mail.flags
  keywords TEXT NOT NULL,           -- parted by one space
  modseq INTEGER NOT NULL,
  received INTEGER NOT NULL,        -- INTERNALDATE
  received_zone INTEGER NOT NULL,   -- minutes east of UTC, as an APPEND gave it
  saved INTEGER NOT NULL,           -- when it came into this mailbox (RFC 8514)
  size INTEGER NOT NULL,
  PRIMARY KEY (mailbox_id, uid)
) WITHOUT ROWID;

CREATE INDEX mailbox_message_content ON mailbox_message (content_id);
-- EXPUNGE finds the few that it removes without a look at the others; 8 is \Deleted. All that it asks for is in the index:
-- planners that know nothing of how few these are choose it for that.
CREATE INDEX mailbox_message_deleted ON mailbox_message (mailbox_id, uid, flags, size) WHERE flags & 8 <> 0;

-- The change log: what happened to each mailbox, in the order of modseq. One row for one change of many messages.
CREATE TABLE mailbox_change (
  account_id INTEGER NOT NULL,
  mailbox_id INTEGER NOT NULL,      -- 0 for what is of the account, as subscriptions are
  modseq INTEGER NOT NULL,
  kind TEXT NOT NULL,               -- append flags expunge create rename delete subscribe
  uids TEXT NOT NULL,               -- a sequence set, "" where the change is of the mailbox itself
  at INTEGER NOT NULL,
  PRIMARY KEY (account_id, mailbox_id, modseq, kind)
) WITHOUT ROWID;
