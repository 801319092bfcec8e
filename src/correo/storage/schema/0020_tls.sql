-- How mail to other servers is protected.

-- Policies that domains publish by MTA-STS (RFC 8461). Written by correo.transport alone.
CREATE TABLE transport_sts (
  domain TEXT PRIMARY KEY,          -- comparison form
  policy_id TEXT NOT NULL,          -- id of the DNS record under which it was fetched
  mode TEXT NOT NULL,               -- enforce testing none
  mx TEXT NOT NULL,                 -- patterns of mail hosts, parted by blanks
  fetched INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  refresh_at INTEGER NOT NULL,      -- when it is to be fetched again, well before it expires
  used INTEGER NOT NULL             -- the last time mail asked for it, give or take a day
);

CREATE INDEX transport_sts_refresh ON transport_sts (refresh_at);
CREATE INDEX transport_sts_expires ON transport_sts (expires);

-- Connections counted as TLS reports count them (RFC 8460). Written by correo.transport alone.
CREATE TABLE transport_tls_result (
  day INTEGER NOT NULL,             -- since 1970-01-01 UTC
  domain TEXT NOT NULL,             -- of the recipients
  policy TEXT NOT NULL,             -- tlsa, sts or no-policy-found
  mx TEXT NOT NULL,                 -- the host; "" where the trouble was with the policy itself
  result TEXT NOT NULL,             -- "" is success, else a result type of RFC 8460 §4.3
  sessions INTEGER NOT NULL,
  PRIMARY KEY (day, domain, policy, mx, result)
);

-- What the sender of a message wants of TLS (RFC 8689): a column of a table that correo.queue writes alone.
ALTER TABLE queue_message ADD COLUMN tls TEXT NOT NULL DEFAULT '';  -- REQUIRED, OPTIONAL, '' where nothing was said
