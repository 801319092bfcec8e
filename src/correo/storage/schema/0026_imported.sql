-- Mail that was kept by another server before. Written by correo.mailbox alone.

-- What POP3 called a message there, so that clients that leave mail on the server know it again. No row: our own name for it.
CREATE TABLE mailbox_uidl (
  mailbox_id INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  uidl TEXT NOT NULL,               -- visible ASCII (RFC 1939 §7)
  PRIMARY KEY (mailbox_id, uid),
  UNIQUE (mailbox_id, uidl)
) WITHOUT ROWID;

-- What has been brought here, so that it is brought once; and each UIDVALIDITY that was taken over or has gone, so that it is given once.
CREATE TABLE mailbox_import (
  account_id INTEGER NOT NULL,
  source BLOB NOT NULL,             -- 16 octets: a hash of what the message was known by there; or "uidvalidity", NUL and 4 octets
  PRIMARY KEY (account_id, source)
) WITHOUT ROWID;

-- Mailboxes whose UIDs are, or are to be, those of another server.
CREATE TABLE mailbox_adoption (
  mailbox_id INTEGER PRIMARY KEY,
  uidvalidity INTEGER NOT NULL,     -- there
  theirs INTEGER NOT NULL,          -- UIDNEXT there, when it was last looked at
  ours INTEGER NOT NULL,            -- UIDNEXT here, when something was last brought
  apart INTEGER NOT NULL,           -- the lowest UID that was given here to what was not brought; 0: none was
  whole INTEGER NOT NULL            -- 0: a UID here is another message there, so that clients must not take one for the other
);

-- Messages in such mailboxes that had no UID there when they were brought: what they got here they may get there, too.
CREATE TABLE mailbox_unlisted (
  mailbox_id INTEGER NOT NULL,
  uid INTEGER NOT NULL,             -- here
  source BLOB NOT NULL,
  PRIMARY KEY (mailbox_id, uid)
) WITHOUT ROWID;
