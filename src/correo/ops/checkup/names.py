"""What the DNS tells others about us: without it no mail comes in, and what goes out is taken for spam."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence

from correo.dns import Answer, DnsFailure, Mx, Resolver, Status
from correo.ops.checkup import Finding, ok, problem, warning
from correo.ops.checkup.asking import ask
from correo.ops.checkup.published import check_published, texts

MAX_DOMAINS = 50  # asked about; a provider with more looks at them by other means


async def check_names(hostname: str, domains: Sequence[str], resolver: Resolver) -> list[Finding]:
    """The host's addresses and the names they lead back to; then each domain's MX, SPF and what else it may publish."""
    lookups = [
        _host(hostname, resolver),
        *(_domain(domain, hostname, resolver) for domain in domains[:MAX_DOMAINS]),
    ]
    found = await asyncio.gather(*lookups)
    findings = [finding for group in found for finding in group]
    if len(domains) > MAX_DOMAINS:
        words = f"only the first {MAX_DOMAINS} of {len(domains)} domains were looked at"
        findings.append(warning("dns", words))
    return findings


async def _host(hostname: str, resolver: Resolver) -> list[Finding]:
    about = f"dns {hostname}"
    v4, v6 = await asyncio.gather(ask(resolver, hostname, "A"), ask(resolver, hostname, "AAAA"))
    if isinstance(v4, DnsFailure) or isinstance(v6, DnsFailure):
        failure = v4 if isinstance(v4, DnsFailure) else v6
        return [warning(about, f"could not be looked up: {failure}")]
    addresses = [*v4.of(str), *v6.of(str)]
    if not addresses:
        words = f"has no address, so nobody finds this server; publish: {hostname}. A (the address of this machine)"
        return [problem(about, words)]
    findings = [ok(about, f"has the address {', '.join(addresses)}")]
    findings += await asyncio.gather(*(_reverse(address, hostname, resolver) for address in addresses))
    return findings


async def _reverse(address: str, hostname: str, resolver: Resolver) -> Finding:
    about = f"dns {address}"
    if not ipaddress.ip_address(address).is_global:
        return warning(about, f"is a private address: servers elsewhere cannot reach {hostname} there")
    answer = await ask(resolver, ipaddress.ip_address(address).reverse_pointer, "PTR")
    if isinstance(answer, DnsFailure):
        return warning(about, f"its name could not be looked up: {answer}")
    names = answer.of(str)
    if hostname in names:
        return ok(about, f"leads back to {hostname}")
    found = f"leads to {', '.join(names)}" if names else "leads back to no name"
    words = (
        f"{found}, and many servers refuse mail from it; ask who gave you the address for a PTR to {hostname}"
    )
    return warning(about, words)


async def _domain(domain: str, hostname: str, resolver: Resolver) -> list[Finding]:
    mx, txt = await asyncio.gather(ask(resolver, domain, "MX"), ask(resolver, domain, "TXT"))
    findings = [_mx(domain, hostname, mx)]
    if isinstance(mx, DnsFailure) or mx.status is not Status.NO_SUCH_DOMAIN:
        findings += [_spf(domain, txt), *await check_published(domain, resolver)]
    return findings


def _mx(domain: str, hostname: str, answer: Answer | DnsFailure) -> Finding:
    about = f"dns {domain}"
    publish = f"publish: {domain}. MX 10 {hostname}."
    if isinstance(answer, DnsFailure):
        return warning(about, f"MX could not be looked up: {answer}")
    if answer.status is Status.NO_SUCH_DOMAIN:
        return problem(
            about, f"the DNS knows no such domain, so no mail comes in; register it, then {publish}"
        )
    exchanges = [mx.exchange for mx in answer.of(Mx)]
    if hostname in exchanges:
        return ok(about, f"its mail goes to {hostname}")
    if not exchanges and domain == hostname:
        return ok(about, "has no MX, so its mail goes to its own address, which is this server's name")
    if not exchanges:
        return problem(about, f"has no MX, so its mail does not come here; {publish}")
    return problem(about, f"its mail goes to {', '.join(exchanges)} and not here; {publish}")


def _spf(domain: str, answer: Answer | DnsFailure) -> Finding:
    about = f"dns {domain}"
    if isinstance(answer, DnsFailure):
        return warning(about, f"SPF could not be looked up: {answer}")
    found = [text for text in texts(answer, "v=spf1") if text[6:7] in ("", " ")]  # RFC 7208 §4.5
    if len(found) > 1:
        return problem(about, f"has {len(found)} SPF records, which counts as an error; leave one")
    if found and any(word in ("all", "+all") for word in found[0].lower().split()):
        return warning(about, "its SPF record lets everybody send its mail; end it with -all instead of +all")
    if found:
        return ok(about, "has an SPF record")
    words = f'has no SPF record, so others doubt its mail; publish: {domain}. TXT "v=spf1 mx -all"'
    return warning(about, words)
