-- What the balance has to know of journeys that were forgotten. Written by correo.ledger alone.

CREATE TABLE ledger_forgotten (
  event TEXT PRIMARY KEY,
  count INTEGER NOT NULL,           -- rows of ledger_entry that are gone
  delta INTEGER NOT NULL            -- the sum of theirs; over all events it is 0, for only what has ended is forgotten
);
