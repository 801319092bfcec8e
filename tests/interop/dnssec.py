"""Signed zones, and unbound as the resolver that checks the signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.name
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from dns.dnssectypes import Algorithm, DSDigest
from tests.interop.network import Namespace, Process
from tests.interop.programs import eventually, path_of
from tests.interop.serving import HOST

PROGRAMS = ("unbound",)

# It asks one server on this machine, about names that the real root does not have, and is asked at once about what it was just told.
UNBOUND = """
server:
  interface: {address}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  num-threads: 1
  local-zone: "test." nodefault
  local-zone: "127.in-addr.arpa." nodefault
  domain-insecure: "127.in-addr.arpa."
  trust-anchor: "{anchor}"
  cache-max-negative-ttl: 1
remote-control:
  control-enable: no
stub-zone:
  name: "test."
  stub-addr: {server}
stub-zone:
  name: "127.in-addr.arpa."
  stub-addr: {server}
"""


def signed(
    origin: str, records: str, afterwards: Callable[[dns.zone.Zone], None] = lambda zone: None
) -> tuple[str, str]:
    """The zone, signed and then changed `afterwards`, and the DS record that vouches for it (RFC 4035 §2)."""
    name = dns.name.from_text(origin)
    zone = dns.zone.from_text(records, origin=name, relativize=False)
    private = generate_private_key(SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    now = datetime.now(UTC)
    dns.dnssec.sign_zone(
        zone,
        keys=[(private, key)],
        inception=now - timedelta(hours=1),
        expiration=now + timedelta(days=1),
        dnskey_ttl=60,
    )
    afterwards(zone)
    return zone.to_text(relativize=False), f"{origin} DS {dns.dnssec.make_ds(name, key, DSDigest.SHA256)}"


@contextmanager
def resolver(
    folder: Path, namespace: Namespace, anchor: str, *, server: str, address: str = HOST
) -> Iterator[Process]:
    """unbound at `address`, which asks `server` and believes what `anchor` vouches for."""
    place = folder / "unbound"
    place.mkdir()
    configuration = place / "unbound.conf"
    configuration.write_text(UNBOUND.format(folder=place, anchor=anchor, server=server, address=address))
    process = Process("unbound", *namespace.prefix, path_of("unbound"), "-d", "-p", "-c", str(configuration))
    try:
        eventually(lambda: process.alive() and "start of service" in process.said(), "the start of unbound")
        yield process
    finally:
        process.stop()
