"""`correo tls`: what was counted and what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from correo.cli.terminal import EX_USAGE
from correo.clock.system import SystemClock
from correo.mail.instant import DAY
from correo.storage.db import Tx
from correo.transport.policy import Failure, Source
from correo.transport.policy.keeping import Kept, keep
from correo.transport.policy.results import Session, add
from correo.transport.policy.sts import Mode, StsPolicy

MX = "mx.there.example"


async def _fill(tx: Tx, now: int) -> None:
    today = now // DAY
    bad = Session(today, "there.example", Source.STS, MX, Failure.EXPIRED)
    await add(
        tx,
        {
            Session(today, "there.example", Source.STS, MX, None): 5,
            Session(today - 6, "there.example", Source.STS, MX, None): 2,
            bad: 3,
            Session(today, "there.example", Source.STS, "", Failure.STS_FETCH): 1,
            Session(today - 8, "old.example", Source.NONE, "mx.old.example", None): 1,
            Session(today, "plain.example", Source.NONE, "mx.plain.example", Failure.NOT_OFFERED): 1,
            Session(today, "signed.example", Source.TLSA, "mx.signed.example", None): 1,
        },
    )
    await add(tx, {bad: 1})
    policy = StsPolicy(Mode.TESTING, (MX, "*.there.example"), 86400)
    await keep(tx, Kept("there.example", "7", policy, now, now + DAY, now + DAY // 2, now))


@pytest.fixture
def filled(house: Any) -> Any:
    house.with_db(lambda db: db.write(_fill, SystemClock().now()))
    return house


def test_nothing_was_counted_yet(house: Any) -> None:
    ran = house("tls")
    assert ran.code == 0
    assert "no connection to another server was counted in the last 7 days" in ran.out
    assert "no MTA-STS policy is kept" in ran.out
    assert house("tls", "--json").json == {"results": [], "policies": []}


def test_what_failed_comes_first(filled: Any) -> None:
    lines = filled("tls").out.splitlines()
    assert lines[2].split()[:4] == ["there.example", "MTA-STS", "7", "5"]
    assert lines[2].endswith(f"certificate-expired at {MX} (4 times), sts-policy-fetch-error")
    assert [line.split()[:4] for line in lines[3:5]] == [
        ["plain.example", "none", "0", "1"],
        ["signed.example", "DANE", "1", "0"],
    ]
    assert "old.example" not in "".join(lines)
    assert lines[-1].startswith(f"there.example: MTA-STS testing, mail hosts {MX} *.there.example")
    assert "old.example" in filled("tls", "--days", "30").out


def test_no_more_than_is_wanted(filled: Any) -> None:
    out = filled("tls", "--limit", "1").out
    assert "and 2 more" in out
    assert "plain.example" not in out


def test_one_domain(filled: Any) -> None:
    out = filled("tls", "Signed.Example").out
    assert "signed.example" in out
    assert "there.example" not in out


def test_for_programs(filled: Any) -> None:
    found = filled("tls", "there.example", "--json").json
    assert sum(row["sessions"] for row in found["results"]) == 12
    assert {row["result"] for row in found["results"]} == {
        "",
        "certificate-expired",
        "sts-policy-fetch-error",
    }
    assert {row["policy"] for row in found["results"]} == {"sts"}
    (policy,) = found["policies"]
    assert (policy["mode"], policy["id"], policy["mx"]) == ("testing", "7", [MX, "*.there.example"])


@pytest.mark.parametrize("arguments", [("--days", "0"), ("--days", "31"), ("there..example",)])
def test_what_cannot_be_asked(house: Any, arguments: tuple[str, ...]) -> None:
    assert house("tls", *arguments).code == EX_USAGE
