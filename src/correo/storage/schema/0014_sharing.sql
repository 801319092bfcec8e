-- Who else may use a mailbox, and what each of them has read. Written by correo.mailbox alone.

CREATE TABLE mailbox_right (
  mailbox_id INTEGER NOT NULL,
  account_id INTEGER NOT NULL,      -- who; 0 is everybody with an account in `domain`
  domain TEXT NOT NULL,             -- comparison form, "" where account_id says who
  negative INTEGER NOT NULL,        -- 1: what is taken away, whatever other rows give
  rights TEXT NOT NULL,             -- letters of RFC 4314 §2.1 in their order there; a row without any is removed
  PRIMARY KEY (mailbox_id, account_id, domain, negative)
) WITHOUT ROWID;

CREATE INDEX mailbox_right_account ON mailbox_right (account_id, domain, mailbox_id);

-- \Seen as those have it who are not the owner; the owner's is in mailbox_message. No row: unseen, and never otherwise.
CREATE TABLE mailbox_seen (
  mailbox_id INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  account_id INTEGER NOT NULL,      -- the reader
  seen INTEGER NOT NULL,
  modseq INTEGER NOT NULL,          -- of the owner's account, as that of the message; to the reader the higher of both counts
  PRIMARY KEY (mailbox_id, uid, account_id)
) WITHOUT ROWID;

CREATE INDEX mailbox_seen_reader ON mailbox_seen (account_id, mailbox_id, seen, uid);

-- Two more kinds: 'acl', and 'seen', which concerns one reader alone; `reader` is 0 where a change concerns everybody.
ALTER TABLE mailbox_change ADD COLUMN reader INTEGER NOT NULL DEFAULT 0;
