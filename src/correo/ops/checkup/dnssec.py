"""Whether what the DNS says about other servers' certificates can be believed (DANE, RFC 7672)."""

from __future__ import annotations

from correo.dns import DnsFailure, Resolver
from correo.ops.checkup import Finding, ok, warning

ABOUT = "dnssec"


async def check_dnssec(resolver: Resolver) -> Finding:
    """Asks about the root, which is signed: a resolver that checks says so, and one that is believed is heard."""
    try:
        answer = await resolver.lookup(".", "SOA")
    except DnsFailure as failure:
        return warning(ABOUT, f"could not be looked at: {failure}")
    if answer.authentic:
        return ok(ABOUT, "answers of the DNS are checked, so DANE is used for mail to other servers")
    words = (
        "answers of the DNS are not checked, or not by a resolver that is believed, so DANE is not used for mail to other servers; "
        "run a validating resolver on this machine and name it in dns.servers, or set transport.dane = false"
    )
    return warning(ABOUT, words)
