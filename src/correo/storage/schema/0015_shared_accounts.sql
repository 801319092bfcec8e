-- Accounts that are several people's, and people who look after their domain. Columns of a table that correo.accounts writes alone:
-- `shared` is 1 where nobody logs in and there is no password, `admin` where somebody looks after the accounts of his domain.

ALTER TABLE accounts_account ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts_account ADD COLUMN admin INTEGER NOT NULL DEFAULT 0;

CREATE INDEX accounts_account_shared ON accounts_account (domain, address) WHERE shared <> 0;

-- Mail for the postmaster goes to an account that somebody logs in to, if there is one.
DROP INDEX accounts_account_domain;
CREATE INDEX accounts_account_domain ON accounts_account (domain, shared, enabled DESC, id);
