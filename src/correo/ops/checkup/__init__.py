"""What is wrong with a server before anybody complains: each check looks at one thing and returns findings.

In come plain values, paths and a resolver; out come `Finding`s in the words of the operator, with what to do. Nothing is
changed, nothing raises, and every wait is bounded.

    data          the folder, the disk, the database
    letters       the spool of sendmail
    certificate   what proves our name
    ports         can we listen there, and who does
    relaying      can anybody send to anybody
    clock         does anything keep it right
    names         what the DNS tells others about us      published   and what it might tell besides
    reach         do we answer where the DNS leads
    dane          whether it tells the truth of our certificate
    files         passwords and authorities that the configuration names
    dnssec        whether what it tells us about others can be believed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """The most important first."""

    PROBLEM = "problem"  # mail will be lost, refused or not served until this is put right
    WARNING = "warning"
    ADVICE = "advice"  # could be better
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    about: str
    words: str


def problem(about: str, words: str) -> Finding:
    return Finding(Level.PROBLEM, about, words)


def warning(about: str, words: str) -> Finding:
    return Finding(Level.WARNING, about, words)


def advice(about: str, words: str) -> Finding:
    return Finding(Level.ADVICE, about, words)


def ok(about: str, words: str) -> Finding:
    return Finding(Level.OK, about, words)


def by_importance(findings: Iterable[Finding]) -> list[Finding]:
    order = list(Level)
    return sorted(findings, key=lambda finding: order.index(finding.level))
