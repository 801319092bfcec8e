-- What people are given besides their password, how much they may send, and how long what they deleted is kept.

-- Written by correo.accounts alone.

ALTER TABLE accounts_account ADD COLUMN app_only INTEGER NOT NULL DEFAULT 0;  -- 1: its own password is not taken any more

CREATE TABLE accounts_app_password (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL,
  name TEXT NOT NULL,               -- what its owner calls it
  digest BLOB NOT NULL,             -- BLAKE2b-256 of it, keyed with the account
  scram TEXT NOT NULL,              -- as in accounts_account, with the same salt and iterations
  scopes TEXT NOT NULL,             -- protocols it is for, parted by one space
  expires INTEGER,                  -- NULL: never
  used INTEGER,                     -- about when it was last used, NULL: never
  created INTEGER NOT NULL,
  UNIQUE (account_id, name)
);

CREATE TABLE accounts_sent (        -- what each account submitted
  account_id INTEGER NOT NULL,
  hour INTEGER NOT NULL,            -- since 1970
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  PRIMARY KEY (account_id, hour)
) WITHOUT ROWID;

CREATE INDEX accounts_sent_hour ON accounts_sent (hour, account_id);

-- Written by correo.mailbox alone: messages that are to go at some time. What is gone by then is passed over.

CREATE TABLE mailbox_expiry (
  mailbox_id INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (mailbox_id, uid)
) WITHOUT ROWID;

CREATE INDEX mailbox_expiry_due ON mailbox_expiry (expires, mailbox_id, uid);
