"""What `correo init` is about to make, and what it says when it has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from correo.cli.first_config import SPOOL, First
from correo.cli.publish import records, reverse
from correo.cli.terminal import DEFAULT_CONFIG
from correo.mail.address import Address

HOME = Path(DEFAULT_CONFIG).parent
DATA = Path("/var/lib/correo")
USER = "correo"
CONFIG, CERTIFICATE, KEY = "correo.toml", "certificate.pem", "key.pem"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be made, and where."""

    folder: Path
    first: First
    account: Address
    password: str
    generated: bool
    own_certificate: bool  # ours to make: none was given

    @property
    def config_file(self) -> Path:
        return self.folder / CONFIG


def told(plan: Plan) -> list[str]:
    first, folder = plan.first, plan.folder
    lines = [f"{plan.config_file} is the configuration"]
    if plan.own_certificate:
        lines.append(
            f"{folder / CERTIFICATE} is a self-signed certificate for {first.hostname}: put a real one in its place"
        )
    lines.append(f"{folder / first.data_dir} holds the data")
    login = f"the first account is {plan.account}"
    lines.append(f"{login}, its password {plan.password}" if plan.generated else login)
    if not first.test_ports:
        lines += ["", "Publish in the DNS:", ""]
        lines += [
            f"  {record}" for record in _aligned(records(first.domain, first.hostname, first.listeners))
        ]
        lines += [
            "",
            "and ask whoever gave this machine its addresses for:",
            "",
            f"  {reverse(first.hostname)}",
        ]
    if os.geteuid() == 0 and not first.user:
        lines += [
            "",
            "The server does not stay root. Make a user for it, give it the data, and name it in the configuration (user):",
            "",
            f"  useradd --system --home-dir {DATA} --shell /usr/sbin/nologin {USER}",
            f"  chown -R {USER}: {folder / first.data_dir}"
            + (f" {folder / KEY}" if plan.own_certificate else "")
            + (f" {SPOOL}" if first.local else ""),
        ]
    option = "" if plan.config_file == Path(DEFAULT_CONFIG) else f" --config {plan.config_file}"
    return [*lines, "", "Next:", "", f"  correo{option} check", f"  correo{option} serve"]


def _aligned(lines: list[str]) -> list[str]:
    """Zone lines with their types below each other."""
    split = [line.split("  ", 1) for line in lines]
    width = max(len(name) for name, _ in split)
    return [f"{name:<{width}}  {rest}" for name, rest in split]


def facts(plan: Plan) -> dict[str, object]:
    first = plan.first
    return {
        "config": str(plan.config_file),
        "data_dir": str(plan.folder / first.data_dir),
        "hostname": first.hostname,
        "domain": first.domain,
        "account": plan.account.folded,
        "password": plan.password if plan.generated else None,
        "self_signed": plan.own_certificate,
        "records": [*records(first.domain, first.hostname, first.listeners), reverse(first.hostname)],
    }
