-- Who has a mailbox here, and by which names he is reached. Written by correo.accounts alone.

CREATE TABLE accounts_domain (
  name TEXT PRIMARY KEY,            -- comparison form: lower-case A-labels
  created INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts_account (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,     -- comparison form of the primary address, which is also the login name
  spelling TEXT NOT NULL,           -- the address as the operator wrote it
  domain TEXT NOT NULL REFERENCES accounts_domain (name),
  password TEXT NOT NULL,           -- argon2id in PHC form
  scram TEXT NOT NULL,              -- SCRAM-SHA-256 credentials: iterations$salt$stored-key$server-key, base64
  enabled INTEGER NOT NULL,         -- 0: mail is still delivered, nobody can log in
  created INTEGER NOT NULL
);

CREATE INDEX accounts_account_domain ON accounts_account (domain, enabled DESC, id);

CREATE TABLE accounts_alias (
  address TEXT NOT NULL,            -- comparison form; "@domain" is that domain's catch-all
  target TEXT NOT NULL,             -- where it leads: a local or remote address, as written
  target_folded TEXT NOT NULL,      -- comparison form of the target
  created INTEGER NOT NULL,
  PRIMARY KEY (address, target_folded)
) WITHOUT ROWID;

CREATE INDEX accounts_alias_target ON accounts_alias (target_folded);

-- What every process of this installation must know alike and no stranger may.
CREATE TABLE accounts_secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;
