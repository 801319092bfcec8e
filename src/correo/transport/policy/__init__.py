"""How a connection to another server must be protected: what its domain publishes, what the operator and the sender ask for.

In: the domain of the recipients, a host to be tried, what the sender said. Out: the ways in which that host may be dialled,
the best first, or the trouble that forbids it. Each connection's result is counted.

    guard      puts it all together for one host                              Policies
    sts        MTA-STS, read (pure)                 fetching   MTA-STS, fetched by HTTPS
    keeping    MTA-STS, kept in the database until it expires                 StsPolicies
    dane       TLSA records: which to use, and whether they prove a server
    results    what became of connections, counted per day                    Tally

Promised:
- Where a domain asks for protection in a way that can be believed, its mail goes out so or waits. DANE goes before MTA-STS
  (RFC 8461 §2): what fails by TLSA records is not saved by a certificate that the system trusts.
- A policy that cannot be fetched changes nothing about the one that is kept (RFC 8461 §5.1).
- Mail waits for a policy to be fetched no longer than `fetching` says, and after a failure not again for `keeping.PAUSE`.
"""

from __future__ import annotations

from enum import Enum


class Source(Enum):
    """Who published the policy; the values are those of a TLS report (RFC 8460 §4.2)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class Failure(Enum):
    """Why a connection was not protected as it should be: the result types of RFC 8460 §4.3."""

    NOT_OFFERED = "starttls-not-supported"
    OTHER_NAME = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    ANY = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    STS_FETCH = "sts-policy-fetch-error"
    STS_INVALID = "sts-policy-invalid"
    STS_CERTIFICATE = "sts-webpki-invalid"
