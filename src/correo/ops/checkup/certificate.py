"""The certificates: can they be used, by whom are they believed, for how long."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from correo.mail.instant import DAY, moment
from correo.net.tls import server_context
from correo.ops.certificate import Facts, covers, read_certificate
from correo.ops.checkup import Finding, ok, problem, warning
from correo.ops.owner import acting_as_owner

SOON = (
    21 * DAY
)  # certificates of Let's Encrypt are renewed 30 days before they end: something is wrong by then

ABOUT = "certificate"


def check_certificates(
    pairs: Sequence[tuple[Path, Path]], hostname: str, now: int, data_dir: Path
) -> list[Finding]:
    """All of them together: the first is for clients that name no name, and one of them must prove `hostname`."""
    findings: list[Finding] = []
    names: dict[str, Path] = {}
    for certificate, key in pairs:
        # Whichever has the host's name answers for it: clients ask for it by that name.
        proves = _names(certificate)
        wanted = hostname if len(pairs) == 1 or covers(proves, hostname) else ""
        findings += check_certificate(certificate, key, wanted, now, data_dir)
        for name in proves:
            if (other := names.setdefault(name, certificate)) != certificate:
                words = f"{certificate} is never shown for {name}, since {other} comes first; take one of them out of [tls]"
                findings.append(warning(ABOUT, words))
    if pairs and not covers(tuple(names), hostname):
        words = f"none is for {hostname}: mail programs will refuse to connect; get one that is"
        if len(pairs) > 1:
            findings.append(problem(ABOUT, words))
    elif len(pairs) > 1 and not covers(_names(pairs[0][0]), hostname):
        words = f"{pairs[0][0]} is shown to clients that ask for no name, and is not for {hostname}; put the one that is first"
        findings.append(warning(ABOUT, words))
    return findings


def _names(certificate: Path) -> tuple[str, ...]:
    try:
        return read_certificate(certificate).names
    except (OSError, ValueError):
        return ()  # what is wrong with it, check_certificate says


def check_certificate(certificate: Path, key: Path, hostname: str, now: int, data_dir: Path) -> list[Finding]:
    """One of them; with "" for `hostname`, whatever it is for. `data_dir` tells who the server runs as: he must be able to read the files."""
    for path in (certificate, key):
        if not os.access(path, os.R_OK, effective_ids=True):
            why = "this user may not" if path.exists() else "there is no such file"
            return [problem(ABOUT, f"cannot read {path}: {why}")]
    try:
        server_context(certificate, key)
        facts = read_certificate(certificate)
    except ssl.SSLError as error:
        words = f"{certificate} and {key} do not serve: {error.reason or error}; they must be PEM and belong together"
        return [problem(ABOUT, words)]
    except OSError as error:
        return [problem(ABOUT, f"cannot read {error.filename or certificate}: {error.strerror}")]
    except ValueError as error:
        return [problem(ABOUT, f"{certificate} does not serve: {error}")]
    findings = [*_dates(certificate, facts, now), *_name(certificate, facts, hostname)]
    return [*findings, *_key(key, data_dir)]


def _dates(certificate: Path, facts: Facts, now: int) -> list[Finding]:
    ends = moment(facts.ends).date().isoformat()
    left = (facts.ends - now) // DAY
    renew = "put a new one there, which is seen within a minute, or at: systemctl reload correo (SIGHUP)"
    if facts.ends <= now:
        return [problem(ABOUT, f"{certificate} expired on {ends}; {renew}")]
    if facts.starts > now:
        return [problem(ABOUT, f"{certificate} is not valid before {moment(facts.starts).date()}")]
    if facts.ends - now < SOON:
        return [warning(ABOUT, f"{certificate} expires on {ends}, in {_days(left)}; {renew}")]
    return [ok(ABOUT, f"{certificate} is valid until {ends}, {_days(left)} more")]


def _days(number: int) -> str:
    return f"{number} day{'s' if number != 1 else ''}"


def _name(certificate: Path, facts: Facts, hostname: str) -> list[Finding]:
    names = ", ".join(facts.names) or "no name"
    if hostname and not covers(facts.names, hostname):
        words = f"{certificate} is for {names}, not for {hostname}: mail programs will refuse to connect"
        return [problem(ABOUT, words)]
    if facts.self_signed:
        words = (
            f"{certificate} is self-signed: other servers accept it, mail programs ask their users whether to; "
            "get one from a certificate authority"
        )
        return [warning(ABOUT, words)]
    return [ok(ABOUT, f"{certificate} proves {names}")]


def _key(key: Path, data_dir: Path) -> list[Finding]:
    if key.stat().st_mode & 0o007:
        return [warning(ABOUT, f"every user of this machine can read {key}; close it with: chmod o= {key}")]
    if data_dir.is_dir():
        with acting_as_owner(data_dir):
            if not os.access(key, os.R_OK, effective_ids=True):
                words = f"{key} cannot be read by the owner of {data_dir}, as whom the server runs"
                return [problem(ABOUT, words)]
    return []
