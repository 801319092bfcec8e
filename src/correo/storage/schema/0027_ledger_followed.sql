-- What `trace` reads besides: the newest events whatever message they are of, and what an account has submitted.

CREATE INDEX ledger_entry_id ON ledger_entry (id);

-- Most mail comes from servers that do not log in: it costs them nothing.
CREATE INDEX ledger_message_account ON ledger_message (account, id) WHERE account <> '';
