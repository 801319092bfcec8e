"""Whether the server answers at the addresses that the DNS gives: as near to the view from outside as one gets from within."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence

from correo.dns import Answer, Resolver
from correo.net import Dialer
from correo.ops.checkup import Finding, ok, warning
from correo.ops.checkup.asking import ask
from correo.ops.checkup.ports import greeting

MAX_ADDRESSES = 4  # of each kind


async def check_reach(
    hostname: str,
    ports: Sequence[tuple[str, int, bool]],
    resolver: Resolver,
    dialer: Dialer,
    wait: float = 0.0,
) -> list[Finding]:
    """`ports`: protocol, number, and whether it is TLS from the start, of listeners that others are to reach.

    `wait`: seconds for which other servers wait for our greeting.
    """
    answers = await asyncio.gather(ask(resolver, hostname, "A"), ask(resolver, hostname, "AAAA"))
    found = [record for one in answers if isinstance(one, Answer) for record in one.of(str)[:MAX_ADDRESSES]]
    addresses = [one for one in found if ipaddress.ip_address(one).is_global]
    tried = [(address, *port) for address in addresses for port in ports]
    said = await asyncio.gather(
        *(
            greeting(where, port, tls, dialer, wait if protocol == "smtp" else 0.0)
            for where, protocol, port, tls in tried
        )
    )
    return [
        _judge(where, protocol, port, words, hostname)
        for (where, protocol, port, _), words in zip(tried, said, strict=True)
    ]


def _judge(where: str, protocol: str, port: int, words: str, hostname: str) -> Finding:
    about = f"{protocol} {f'[{where}]' if ':' in where else where}:{port}"
    if hostname in words:
        return ok(about, "this server answers at its public address")
    if words:
        return warning(
            about,
            f"another server answers at our public address: {words[:60]!r}; look where the router leads",
        )
    how = "see the firewalls of machine and provider; behind some routers only a look from elsewhere can tell"
    return warning(about, f"nobody answers at our public address, tried from this machine; {how}")
