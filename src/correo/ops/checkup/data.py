"""The folder, the disk it is on, and the database in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from correo.accounts import NoSuchUser, list_domains, resolve
from correo.mail.address import Address
from correo.mail.errors import Refused
from correo.ops.backup import schema_of
from correo.ops.checkup import Finding, ok, problem, warning
from correo.ops.owner import acting_as_owner
from correo.storage.db import snapshot
from correo.storage.db.migrate import migrations

GIB = 1024**3
LITTLE = 2 * GIB  # free space below which it is time to act
TOO_LITTLE = 200 * 1024**2  # below which mail will soon be refused


@dataclass(frozen=True, slots=True)
class Data:
    """What was found, and the domains that are served."""

    findings: list[Finding]
    domains: list[str]


def check_data(folder: Path, database: Path, root: str = "") -> Data:
    """`root`: the address to which programs of this machine write when something is wrong, where they can."""
    if not folder.is_dir():
        words = f"{folder} does not exist yet; it is made by the first command that needs it"
        return Data([warning("data", words)], [])
    try:
        with acting_as_owner(folder):
            findings, domains = [_writable(folder), _disk(folder)], list[str]()
            if not database.exists():
                words = "there is no database yet; make it with: correo domain add DOMAIN"
                findings.append(warning("database", words))
            else:
                found, domains = _database(database, root)
                findings += found
    except OSError as error:
        how = "run this as root, or as the user the server runs as"
        return Data([problem("data", f"cannot look into {folder}: {error.strerror}; {how}")], [])
    return Data(findings, domains)


def _writable(folder: Path) -> Finding:
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return problem("data", f"{folder} cannot be written to by this user; chown it to the server's user")
    if folder.stat().st_mode & 0o077:
        words = f"{folder} can be entered by other users of this machine; close it with: chmod 700 {folder}"
        return warning("data", words)
    return ok("data", f"{folder} can be written to")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    words = f"{free / GIB:.1f} GiB are free in {folder}"
    if free < TOO_LITTLE:
        return problem("disk", f"{words}: mail is refused when none is left; make room")
    if free < LITTLE:
        return warning("disk", f"{words}: make room before it is full")
    return ok("disk", words)


def _database(path: Path, root: str) -> tuple[list[Finding], list[str]]:
    known = {migration.number: migration.checksum for migration in migrations()}
    try:
        with snapshot.opened(path, live=True) as database:
            found = database.read(schema_of)
            if not found.items() <= known.items():
                words = f"{path} was made by a newer version of Correo, or another one; run that version"
                return [problem("database", words)], []
            if len(found) < len(known):
                words = (
                    f"{path} has an older schema; it is brought up to date by the next start of the server"
                )
                return [warning("database", words)], []
            domains = database.read(list_domains)
            leads = database.read(resolve, Address.parse(root)) if root else None
    except Refused as refused:
        return [problem("database", f"{refused.detail}; restore a backup with: correo restore")], []
    findings = [ok("database", f"{path} can be read, its schema is that of this version")]
    if not domains:
        findings.append(
            warning(
                "domains", "there is none, so all mail is refused; add one with: correo domain add DOMAIN"
            )
        )
    for domain in domains:
        if not domain.accounts:
            words = f"{domain.name} has no account; add one with: correo account add NAME@{domain.name}"
            findings.append(warning("accounts", words))
    if isinstance(leads, NoSuchUser):
        words = (
            f"{root} leads nowhere, and cron writes there; say who reads it: correo alias add {root} ADDRESS"
        )
        findings.append(warning("root", words))
    return findings, [domain.name for domain in domains]
