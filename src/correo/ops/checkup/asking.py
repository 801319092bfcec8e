"""One question to the DNS, whose failure is an answer, too."""

from __future__ import annotations

from correo.dns import Answer, DnsFailure, Rdtype, Resolver


async def ask(resolver: Resolver, name: str, rdtype: Rdtype) -> Answer | DnsFailure:
    try:
        return await resolver.lookup(name, rdtype)
    except DnsFailure as failure:
        return failure
