"""The certificate: can it be used, by whom is it believed, for how long."""

from __future__ import annotations

import os
import ssl
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


def check_certificate(certificate: Path, key: Path, hostname: str, now: int, data_dir: Path) -> list[Finding]:
    """`data_dir` tells who the server runs as: its owner must be able to read the files again at SIGHUP."""
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
    renew = "put a new one there and run: systemctl reload correo (or send SIGHUP)"
    if facts.ends <= now:
        return [problem(ABOUT, f"{certificate} expired on {ends}; {renew}")]
    if facts.starts > now:
        return [problem(ABOUT, f"{certificate} is not valid before {moment(facts.starts).date()}")]
    if facts.ends - now < SOON:
        return [warning(ABOUT, f"{certificate} expires on {ends}; {renew}")]
    return [ok(ABOUT, f"{certificate} is valid until {ends}")]


def _name(certificate: Path, facts: Facts, hostname: str) -> list[Finding]:
    if not covers(facts.names, hostname):
        names = ", ".join(facts.names) or "no name"
        words = f"{certificate} is for {names}, not for {hostname}: mail programs will refuse to connect"
        return [problem(ABOUT, words)]
    if facts.self_signed:
        words = (
            f"{certificate} is self-signed: other servers accept it, mail programs ask their users whether to; "
            "get one from a certificate authority"
        )
        return [warning(ABOUT, words)]
    return [ok(ABOUT, f"{certificate} proves {hostname}")]


def _key(key: Path, data_dir: Path) -> list[Finding]:
    if key.stat().st_mode & 0o007:
        return [warning(ABOUT, f"every user of this machine can read {key}; close it with: chmod o= {key}")]
    if data_dir.is_dir():
        with acting_as_owner(data_dir):
            if not os.access(key, os.R_OK, effective_ids=True):
                words = f"{key} cannot be read by the owner of {data_dir}, as whom the server runs"
                return [problem(ABOUT, words)]
    return []
