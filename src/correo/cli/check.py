"""`correo check`: what is wrong with configuration, certificate, DNS and ports."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import click

from correo.cli.human import plural
from correo.cli.terminal import (
    EX_CONFIG,
    Failure,
    State,
    database_path,
    encode,
    json_option,
    printable,
)
from correo.clock.system import SystemChance, SystemClock
from correo.config import Config
from correo.config.read import beside
from correo.dns import Resolver
from correo.dns.client import StubResolver, Timing, system_servers
from correo.net.listen import split_host_port
from correo.net.stream import SocketDialer
from correo.ops.checkup import Finding, Level, by_importance, ok, problem, warning
from correo.ops.checkup.certificate import check_certificates
from correo.ops.checkup.clock import ask_kernel, check_clock
from correo.ops.checkup.dane import check_tlsa
from correo.ops.checkup.data import check_data
from correo.ops.checkup.dnssec import check_dnssec
from correo.ops.checkup.files import check_authorities, check_secrets
from correo.ops.checkup.letters import check_spool
from correo.ops.checkup.names import check_names
from correo.ops.checkup.ports import check_listener, is_loopback
from correo.ops.checkup.reach import check_reach
from correo.ops.checkup.relaying import check_relaying

# Somebody waits at the terminal: what takes longer than this is a finding of its own.
PATIENCE = Timing(waits=(1.0, 2.0), total=6.0)


@click.command()
@click.option("--dns/--no-dns", default=True, help="whether to ask the DNS as well [default: yes]")
@click.option("--strict", is_flag=True, help="exit status 1 for warnings, too")
@json_option
@click.pass_obj
def command(state: State, dns: bool, strict: bool) -> None:
    """Say what is wrong with configuration, data, certificates, ports, clock and DNS, the most important first.

    Changes nothing, and asks nobody but the DNS and this server itself. Exit status 78 if there is a problem.
    """
    config = state.config()
    findings = by_importance(asyncio.run(examine(config, _resolver(config) if dns else None)))
    counts = Counter(finding.level for finding in findings)
    if state.as_json:
        print(
            encode([{"level": one.level.value, "about": one.about, "finding": one.words} for one in findings])
        )
    else:
        width = max(len(level.value) for level in Level)
        for one in findings:
            print(printable(f"{one.level.value:<{width}}  {one.about}: {one.words}"))
        print(f"\n{plural(counts[Level.PROBLEM], 'problem')}, {plural(counts[Level.WARNING], 'warning')}")
    if counts[Level.PROBLEM]:
        raise SystemExit(EX_CONFIG)
    if strict and counts[Level.WARNING]:
        raise SystemExit(1)


def _resolver(config: Config) -> Resolver:
    """Raises Failure."""
    try:
        servers = config.dns.servers or system_servers()
        validating = config.dns.validating
        return StubResolver(servers, SystemClock(), SystemChance(), validating=validating, timing=PATIENCE)
    except ValueError as wrong:
        raise Failure(f"{config.source}: dns.servers: {wrong}", EX_CONFIG) from None


async def examine(config: Config, resolver: Resolver | None) -> list[Finding]:
    """Everything there is to find; without a resolver, all but the DNS."""
    origin = config.sendmail.origin or config.hostname
    root = f"root@{origin}" if any(one.local for one in config.listener) else ""
    data = check_data(database_path(config).parent, database_path(config), root)
    findings = [ok("configuration", f"{config.source} is understood"), *data.findings]
    findings += _certificates(config)
    findings += _files(config)
    if config.sendmail.spool:
        findings += check_spool(beside(config, config.sendmail.spool), config.user)
    findings += check_clock(ask_kernel())
    findings += await _ports(config)
    findings += await _relaying(config, data.domains)
    if resolver is None:
        return findings
    if config.listener and all(is_loopback(listener.address) for listener in config.listener):
        words = "not asked: this server listens on this machine alone, so no other server looks for it"
        return [*findings, ok("dns", words)]
    findings += await check_names(config.hostname, data.domains, resolver)
    if any(one.protocol == "smtp" and one.tls != "none" for one in config.listener):
        findings += await check_tlsa(config.hostname, _pairs(config), SystemClock().now(), resolver)
    if config.transport.dane and not config.transport.smarthost:
        findings.append(await check_dnssec(resolver))
    return [
        *findings,
        *await check_reach(config.hostname, _public(config), resolver, SocketDialer(), _wait(config, "smtp")),
    ]


async def _relaying(config: Config, domains: list[str]) -> list[Finding]:
    dialer = SocketDialer()
    asked = [
        check_relaying(one.address, one.tls, config.hostname, domains, dialer, _wait(config, one.protocol))
        for one in config.listener
        if one.protocol in ("smtp", "submission") and not one.local
    ]
    return [finding for found in await asyncio.gather(*asked) for finding in found]


def _wait(config: Config, protocol: str) -> float:
    """Seconds until a listener of ours greets."""
    return config.smtp.greet_wait if protocol == "smtp" else 0.0


def _public(config: Config) -> list[tuple[str, int, bool]]:
    """The ports that others are to reach; one that was left to chance nobody looks for."""
    listed = [
        (one.protocol, split_host_port(one.address)[1], one.tls == "implicit")
        for one in config.listener
        if not is_loopback(one.address)
    ]
    return [one for one in listed if one[1]]


def _certificates(config: Config) -> list[Finding]:
    if not config.tls.pairs:
        words = "there is none, so passwords cannot be protected; set certificate and key in [tls]"
        everywhere = all(is_loopback(listener.address) for listener in config.listener)
        return [(warning if everywhere else problem)("certificate", words)]
    folder = database_path(config).parent
    return check_certificates(_pairs(config), config.hostname, SystemClock().now(), folder)


def _pairs(config: Config) -> list[tuple[Path, Path]]:
    return [(beside(config, one.certificate), beside(config, one.key)) for one in config.tls.pairs]


def _files(config: Config) -> list[Finding]:
    """The files that logging in needs: here by certificate or token, elsewhere by password."""
    secrets = {
        "oauth.client_secret_file": config.oauth.client_secret_file,
        "transport.smarthost_password_file": config.transport.smarthost_password_file,
    }
    for route in config.route:
        secrets[f"route.password_file ({', '.join(route.domains)})"] = route.password_file
    authorities = {
        "tls.client_ca": config.tls.client_ca,
        "oauth.ca": config.oauth.ca,
        "transport.tls_ca": config.transport.tls_ca,
    }
    folder = database_path(config).parent
    named = [
        {option: beside(config, name) for option, name in kind.items() if name}
        for kind in (secrets, authorities)
    ]
    return [*check_secrets(named[0], folder), *check_authorities(named[1], folder)]


async def _ports(config: Config) -> list[Finding]:
    if not config.listener:
        return [problem("listeners", "there is no [[listener]], so nothing is served")]
    dialer = SocketDialer()
    lookups = (
        check_listener(
            one.protocol, one.address, one.tls, config.hostname, dialer, _wait(config, one.protocol)
        )
        for one in config.listener
    )
    findings = list(await asyncio.gather(*lookups))
    for one in config.listener:
        if one.protocol == "lmtp" and not is_loopback(one.address):
            words = "lmtp asks nobody for a password; listen on a unix socket or on 127.0.0.1"
            findings.append(warning(f"lmtp {one.address}", words))
        elif config.auth.allow_plaintext and not is_loopback(one.address):
            words = "passwords may cross the network unprotected here: set allow_plaintext = false in [auth]"
            findings.append(problem(f"{one.protocol} {one.address}", words))
    return findings
