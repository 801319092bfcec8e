-- What clients note about mailboxes, and about the server for themselves (RFC 5464). Written by correo.mailbox alone.

CREATE TABLE mailbox_annotation (
  account_id INTEGER NOT NULL,
  mailbox_id INTEGER NOT NULL,      -- 0 for what is noted about the server
  entry TEXT NOT NULL,              -- in lower case: "/private/comment"
  value BLOB NOT NULL,
  PRIMARY KEY (account_id, mailbox_id, entry)
) WITHOUT ROWID;
