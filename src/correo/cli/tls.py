"""`correo tls`: how mail to other servers was protected, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from correo.cli.human import plural, until, when
from correo.cli.terminal import State, encode, json_option, printable, run, table, usage, with_database
from correo.clock.system import SystemClock
from correo.mail.address import BadAddress, fold_domain
from correo.mail.instant import DAY, iso8601
from correo.storage.db import Database, Tx
from correo.transport.policy import Source
from correo.transport.policy.keeping import Kept, kept_policies
from correo.transport.policy.results import KEPT_DAYS, Session, sessions

NAMES = {Source.TLSA: "DANE", Source.STS: "MTA-STS", Source.NONE: "none"}  # as people know them
NUMBERS = frozenset({"protected", "failed"})


@dataclass(slots=True)
class Line:
    """What is shown together: connections under one kind of policy of one domain."""

    domain: str
    policy: Source
    protected: int = 0
    failed: int = 0
    failures: dict[tuple[str, str], int] = field(default_factory=dict)  # by result and host


Found = tuple[list[tuple[Session, int]], list[Kept]]


@click.command()
@click.argument("domain", default="")
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, KEPT_DAYS), help="the last so many, in UTC"
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="at most so many lines")
@json_option
@click.pass_obj
def command(state: State, domain: str, days: int, limit: int) -> None:
    """Show how mail to other servers was protected: connections counted by domain and by the policy it has published.

    What failed most comes first. Then the MTA-STS policies that are kept. With DOMAIN, of that one alone.
    """
    now = SystemClock().now()
    try:
        domain = fold_domain(domain) if domain else ""
    except BadAddress as wrong:
        raise usage(f"{domain!r} is not a domain: {wrong}") from None

    async def work(db: Database) -> Found:
        return await db.scan(_look, now, days, domain)

    counted, kept = run(with_database(state.config(), work))
    if state.as_json:
        print(
            encode({"results": [_counted(*one) for one in counted], "policies": [_kept(one) for one in kept]})
        )
        return
    print("\n".join([*_results(counted, days, limit), "", *_policies(kept[:limit], now)]))


async def _look(tx: Tx, now: int, days: int, domain: str) -> Found:
    return await sessions(tx, now // DAY - days + 1, domain), await kept_policies(tx, now, domain)


def summed(counted: Sequence[tuple[Session, int]]) -> list[Line]:
    """The domains with the most failures first."""
    lines: dict[tuple[str, Source], Line] = {}
    for one, count in counted:
        line = lines.setdefault((one.domain, one.policy), Line(one.domain, one.policy))
        if one.result is None:
            line.protected += count
        else:
            line.failed += count
            key = one.result.value, one.mx
            line.failures[key] = line.failures.get(key, 0) + count
    return sorted(lines.values(), key=lambda line: (-line.failed, line.domain, line.policy.value))


def _results(counted: Sequence[tuple[Session, int]], days: int, limit: int) -> list[str]:
    if not counted:
        return [f"no connection to another server was counted in the last {plural(days, 'day')}"]
    lines = summed(counted)
    rows = [
        {
            "domain": line.domain,
            "policy": NAMES[line.policy],
            "protected": str(line.protected),
            "failed": str(line.failed),
            "why": ", ".join(_why(*key, count) for key, count in sorted(line.failures.items())),
        }
        for line in lines[:limit]
    ]
    more = [f"and {len(lines) - limit} more with fewer failures; for them raise --limit"]
    return [table(rows, right=NUMBERS), *(more if len(lines) > limit else [])]


def _why(result: str, mx: str, count: int) -> str:
    where = f" at {mx}" if mx else ""
    times = f" ({count} times)" if count > 1 else ""
    return f"{result}{where}{times}"


def _policies(kept: Sequence[Kept], now: int) -> list[str]:
    if not kept:
        return ["no MTA-STS policy is kept"]
    return [
        printable(
            f"{one.domain}: MTA-STS {one.policy.mode.value}, mail hosts {' '.join(one.policy.mx) or 'none'}, "
            f"fetched {when(one.fetched)}, expires {until(one.expires, now)}"
        )
        for one in kept
    ]


def _counted(one: Session, count: int) -> dict[str, Any]:
    return {
        "day": iso8601(one.day * DAY)[:10],
        "domain": one.domain,
        "policy": one.policy.value,
        "mx": one.mx,
        "result": one.result.value if one.result else "",
        "sessions": count,
    }


def _kept(one: Kept) -> dict[str, Any]:
    return {
        "domain": one.domain,
        "id": one.policy_id,
        "mode": one.policy.mode.value,
        "mx": list(one.policy.mx),
        "fetched": iso8601(one.fetched),
        "expires": iso8601(one.expires),
    }
