"""What a domain may publish about its mail beyond MX and SPF: others go by it where it is there, and doubt a little where it is not."""

from __future__ import annotations

import asyncio
import re

from correo.dns import Answer, DnsFailure, Resolver, Status
from correo.ops.checkup import Finding, advice, ok, warning
from correo.ops.checkup.asking import ask

_TAG = re.compile(r"(?:^|;)\s*p\s*=\s*(none|quarantine|reject)\s*(?:;|$)", re.IGNORECASE)


async def check_published(domain: str, resolver: Resolver) -> list[Finding]:
    """DMARC (RFC 7489), DKIM keys (RFC 6376), MTA-STS (RFC 8461) and TLS reports (RFC 8460)."""
    dmarc, keys, sts, reports = await asyncio.gather(
        ask(resolver, f"_dmarc.{domain}", "TXT"),
        ask(resolver, f"_domainkey.{domain}", "TXT"),
        ask(resolver, f"_mta-sts.{domain}", "TXT"),
        ask(resolver, f"_smtp._tls.{domain}", "TXT"),
    )
    return [
        _dmarc(domain, dmarc),
        _keys(domain, keys),
        await _sts(domain, sts, resolver),
        _reports(domain, reports),
    ]


def texts(answer: Answer, begin: str) -> list[str]:
    """The TXT records that begin so, in any case."""
    found = [record.decode("utf-8", "replace") for record in answer.of(bytes)]
    return [text for text in found if text.lower().startswith(begin.lower())]


def _unknown(domain: str, what: str, failure: DnsFailure) -> Finding:
    return warning(f"dns {domain}", f"{what} could not be looked up: {failure}")


def _dmarc(domain: str, answer: Answer | DnsFailure) -> Finding:
    about = f"dns {domain}"
    if isinstance(answer, DnsFailure):
        return _unknown(domain, "DMARC", answer)
    found = texts(answer, "v=DMARC1")
    publish = f'_dmarc.{domain}. TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
    if not found:
        return advice(
            about, f"has no DMARC record, which large services ask of who sends much; publish: {publish}"
        )
    if len(found) > 1:
        return warning(about, f"has {len(found)} DMARC records, so none of them counts; leave one")
    if not _TAG.search(found[0]):
        return warning(about, f"has a DMARC record without p=, which does not count; publish: {publish}")
    return ok(about, "has a DMARC record")


def _keys(domain: str, answer: Answer | DnsFailure) -> Finding:
    """Keys have names that only the signer knows, but where there are some, the name above them exists (RFC 8020 §2)."""
    about = f"dns {domain}"
    if isinstance(answer, DnsFailure):
        return _unknown(domain, "DKIM", answer)
    if answer.status is Status.NO_SUCH_DOMAIN:
        words = "has no DKIM key; where a smarthost signs your mail, publish what it tells you to"
        return advice(about, words)
    return ok(about, "has DKIM keys")


async def _sts(domain: str, answer: Answer | DnsFailure, resolver: Resolver) -> Finding:
    about = f"dns {domain}"
    if isinstance(answer, DnsFailure):
        return _unknown(domain, "MTA-STS", answer)
    found = texts(answer, "v=STSv1")
    if not found:
        words = "has no MTA-STS policy; with one, others send to it under TLS or not at all (RFC 8461)"
        return advice(about, words)
    if len(found) > 1:
        return warning(about, f"has {len(found)} MTA-STS records, so none of them counts; leave one")
    where = f"mta-sts.{domain}"
    v4, v6 = await asyncio.gather(ask(resolver, where, "A"), ask(resolver, where, "AAAA"))
    if all(isinstance(one, Answer) and not one.of(str) for one in (v4, v6)):
        words = f"has an MTA-STS record, and nobody can fetch the policy: {where} has no address"
        return warning(about, words)
    return ok(about, f"has an MTA-STS record; the policy is fetched from {where}")


def _reports(domain: str, answer: Answer | DnsFailure) -> Finding:
    about = f"dns {domain}"
    if isinstance(answer, DnsFailure):
        return _unknown(domain, "TLSRPT", answer)
    if not texts(answer, "v=TLSRPTv1"):
        words = f'_smtp._tls.{domain}. TXT "v=TLSRPTv1; rua=mailto:postmaster@{domain}"'
        return advice(about, f"asks for no reports of failed TLS; to get them publish: {words}")
    return ok(about, "asks for reports of failed TLS")
