-- Keys for SCRAM-SHA-1, for clients that know no better. A column of a table that correo.accounts writes alone.

ALTER TABLE accounts_account ADD COLUMN scram_sha1 TEXT NOT NULL DEFAULT '';  -- as in `scram`; '': none were made
