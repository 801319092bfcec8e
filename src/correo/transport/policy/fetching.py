"""A policy fetched by HTTPS from the web server of its domain (RFC 8461 §3.3)."""

from __future__ import annotations

import ssl

from correo.dns import DnsFailure, Rdtype, Resolver
from correo.dns.mx import reachable
from correo.net import Dialer
from correo.net.http import get
from correo.transport.policy import Failure
from correo.transport.policy.sts import MAX_POLICY, BadPolicy, StsPolicy, parse
from correo.wire.http import BadResponse, Endpoint, Response

# For one address: connection, handshake and answer. RFC 8461 §3.3 allows a minute, and mail waits for it.
FETCH_SECONDS = 20.0
MAX_ADDRESSES = 2  # of the web server
PORT = 443


class NotFetched(Exception):
    """`failure` is how a TLS report calls it; the message is for the log."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


async def fetch(
    domain: str, resolver: Resolver, dialer: Dialer, context: ssl.SSLContext, *, ipv6: bool
) -> StsPolicy:
    """The policy of a folded `domain`. `context` verifies the web server. Raises NotFetched."""
    host = f"mta-sts.{domain}"
    endpoint = Endpoint(True, host, PORT, "/.well-known/mta-sts.txt")
    response = await _ask(await _addresses(host, resolver, ipv6), endpoint, dialer, context)
    if response.status != 200:  # RFC 8461 §3.3: redirects are not followed
        raise NotFetched(Failure.STS_FETCH, f"{host} answers with status {response.status}")
    if response.fields.get("content-type", "").partition(";")[0].strip().lower() != "text/plain":
        raise NotFetched(Failure.STS_INVALID, f"what {host} has is not text/plain")
    try:
        return parse(response.body)
    except BadPolicy as bad:
        raise NotFetched(Failure.STS_INVALID, f"the policy at {host}: {bad}") from None


async def _ask(addresses: list[str], endpoint: Endpoint, dialer: Dialer, context: ssl.SSLContext) -> Response:
    failed = NotFetched(Failure.STS_FETCH, f"{endpoint.host} has no address")
    for address in addresses:
        try:
            return await get(
                dialer,
                endpoint,
                {"Accept": "text/plain"},
                address=address,
                context=context,
                timeout=FETCH_SECONDS,
                limit=MAX_POLICY,
            )
        except ssl.SSLError as error:
            failed = NotFetched(Failure.STS_CERTIFICATE, f"TLS with {endpoint.host} failed: {error.reason}")
        except (OSError, TimeoutError, BadResponse) as error:
            reason = str(error) or type(error).__name__
            failed = NotFetched(Failure.STS_FETCH, f"{endpoint.host} [{address}]: {reason}")
    raise failed


async def _addresses(host: str, resolver: Resolver, ipv6: bool) -> list[str]:
    """Those to be tried; both families are among them where there are both."""
    kinds: tuple[Rdtype, ...] = ("AAAA", "A") if ipv6 else ("A",)
    found: list[list[str]] = []
    reason = ""
    for kind in kinds:
        try:
            answer = await resolver.lookup(host, kind)
        except DnsFailure as failure:
            reason = failure.reason
            continue
        found.append([address for address in answer.of(str) if reachable(address)])
    if reason and not any(found):
        raise NotFetched(Failure.STS_FETCH, f"the DNS gives no answer about {host}: {reason}")
    first = [addresses[0] for addresses in found if addresses]
    rest = [address for addresses in found for address in addresses[1:]]
    return (first + rest)[:MAX_ADDRESSES]
