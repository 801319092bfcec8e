"""Files that the configuration names besides certificates: passwords, and authorities that are trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

from correo.net.tls import private_context
from correo.ops.checkup import Finding, problem, warning
from correo.ops.owner import acting_as_owner


def check_secrets(named: Mapping[str, Path], data_dir: Path) -> list[Finding]:
    """Files with one password each, by option. The owner of `data_dir`, as whom the server runs, must be able to read them."""
    return _each(named, data_dir, _secret)


def check_authorities(named: Mapping[str, Path], data_dir: Path) -> list[Finding]:
    """PEM files, in the same way."""
    return _each(named, data_dir, _authority)


def _each(
    named: Mapping[str, Path], data_dir: Path, judge: Callable[[str, Path], Finding | None]
) -> list[Finding]:
    findings = []
    with acting_as_owner(data_dir) if data_dir.is_dir() else nullcontext():
        for option, path in named.items():
            try:
                finding = judge(option, path)
            except OSError as error:
                finding = problem(option, f"cannot read {path}: {error.strerror or error}")
            except ValueError as error:
                finding = problem(option, f"{path} does not serve: {error}")
            if finding:
                findings.append(finding)
    return findings


def _secret(option: str, path: Path) -> Finding | None:
    """Raises OSError, ValueError."""
    if not path.read_text().strip("\r\n"):
        return problem(option, f"{path} is empty, so there is no password")
    if path.stat().st_mode & 0o007:
        words = f"every user of this machine can read {path}; close it with: chmod o= {path}"
        return warning(option, words)
    return None


def _authority(option: str, path: Path) -> Finding | None:
    """Raises OSError (ssl.SSLError is one)."""
    private_context(path)
    return None
