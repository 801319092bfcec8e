-- Keys for CRAM-MD5, for clients that know no better. Columns of tables that correo.accounts writes alone.

ALTER TABLE accounts_account ADD COLUMN cram_md5 TEXT NOT NULL DEFAULT '';  -- inner$outer, base64; '': none were made
ALTER TABLE accounts_app_password ADD COLUMN cram_md5 TEXT NOT NULL DEFAULT '';  -- likewise

-- Whoever is logged in to such an account is to leave: it was removed, disabled, or has another password. Written by correo.accounts alone.

CREATE TABLE accounts_shut_out (
  number INTEGER PRIMARY KEY,       -- one more with each; the last thousand are kept
  account_id INTEGER NOT NULL
);
