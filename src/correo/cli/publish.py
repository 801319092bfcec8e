"""The DNS records a domain needs, as lines of a zone file."""

from __future__ import annotations

from collections.abc import Sequence

from correo.cli.first_config import Listening

# RFC 6186 §3, RFC 8314 §5.1: how mail programs find the server when they are told an address only.
SERVICES = {
    ("imap", "implicit"): "_imaps",
    ("imap", "starttls"): "_imap",
    ("pop3", "implicit"): "_pop3s",
    ("pop3", "starttls"): "_pop3",
    ("submission", "implicit"): "_submissions",
    ("submission", "starttls"): "_submission",
}
# Those with TLS from the start are preferred (RFC 8314 §3), IMAP is preferred to POP3.
PRIORITY = {"_imaps": 0, "_imap": 1, "_pop3s": 10, "_pop3": 11, "_submissions": 0, "_submission": 1}


def records(domain: str, hostname: str, listeners: Sequence[Listening]) -> list[str]:
    """What to publish for `domain`; in angle brackets what only the operator knows."""
    lines = [
        f"{hostname}.  A     <this machine's IPv4 address>",
        f"{hostname}.  AAAA  <its IPv6 address, if it has one>",
        f"{domain}.  MX    10 {hostname}.",
        f'{domain}.  TXT   "v=spf1 mx -all"',
    ]
    offered = [(SERVICES.get((one.protocol, one.tls)), one.port) for one in listeners]
    lines += [
        f"{service}._tcp.{domain}.  SRV   {PRIORITY[service]} 1 {port} {hostname}."
        for service, port in offered
        if service
    ]
    return lines


def reverse(hostname: str) -> str:
    """What whoever gave this machine its address publishes."""
    return f"<each of these addresses, reversed>  PTR  {hostname}."
