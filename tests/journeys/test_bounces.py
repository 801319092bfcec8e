"""Mail that cannot be delivered: the sender is told once, of the right thing, at the right time, or nobody can be told."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path

import pytest
from tests.journeys.far import HANG_UP, Far
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.mail.instant import DAY, HOUR, MINUTE
from correo.queue.schedule import Schedule

ALICE, BOB, EVA = "alice@here.example", "bob@there.example", "eva@there.example"


async def house(town: Town) -> Server:
    return await town.server("mail.here.example", "here.example", "alice")


@dataclass(frozen=True)
class Report:
    """A notice as the parser of the standard library reads it: somebody else's eyes."""

    subject: str
    text: str
    message: dict[str, str]
    recipients: list[dict[str, str]]
    returned: str

    @classmethod
    def read(cls, raw: bytes) -> Report:
        parsed = message_from_bytes(raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        assert parsed.get_content_type() == "multipart/report"
        assert parsed.get_param("report-type") == "delivery-status"
        assert parsed["Return-Path"] == "<>"
        assert parsed["Auto-Submitted"] == "auto-replied"
        people, programs, returned = parsed.iter_parts()
        assert isinstance(people, EmailMessage)
        assert isinstance(returned, EmailMessage)
        assert programs.get_content_type() == "message/delivery-status"
        blocks = programs.get_payload()
        assert isinstance(blocks, list)
        head, *rest = [
            {name: str(value) for name, value in block.items()}
            for block in blocks
            if not isinstance(block, str)
        ]
        return cls(str(parsed["Subject"]), people.get_content(), head, rest, returned.get_content())


def refuse(*addresses: str, reply: str = "550 5.1.1 no such user here") -> Far:
    def answer(line: str) -> str | None:
        return reply if any(line.startswith(f"RCPT TO:<{address}>") for address in addresses) else None

    return Far(answer)


@live
async def test_an_unknown_user_at_the_other_server_is_told_at_once(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", refuse(EVA))
    said = await here.send(ALICE, [BOB, EVA])
    report = Report.read(*await here.inbox(ALICE))
    assert report.subject == "Could not be delivered: hello"
    assert report.message["Reporting-MTA"] == "dns; mail.here.example"
    (eva,) = report.recipients
    assert eva["Final-Recipient"] == f"rfc822; {EVA}"
    assert (eva["Action"], eva["Status"]) == ("failed", "5.1.1")
    assert eva["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user here"
    assert eva["Remote-MTA"] == "dns; mx.there.example"
    assert "Message-ID: <1@client.example>" in report.returned
    assert "This is letter" not in report.returned
    assert "no such user here" in report.text
    assert [taken.recipients for taken in there.taken] == [(BOB,)]
    assert f"bounced {EVA}" in await here.events(said.id)


@live
async def test_five_days_of_silence(town: Town) -> None:
    here = await house(town)
    town.publish("there.example", "mx.there.example", town.address())  # where nobody listens
    start = town.clock.now()
    said = await here.send(ALICE, [BOB])
    await town.wait("4h1m")
    warning = Report.read(*await here.inbox(ALICE))
    assert warning.subject == "Delayed: hello"
    (bob,) = warning.recipients
    assert (bob["Action"], bob["Status"]) == ("delayed", "4.4.1")
    assert bob["Will-Retry-Until"] == "Tue, 6 Jan 2026 00:00:00 +0000"
    await town.wait("4d20h1m")
    _, raw = await here.inbox(ALICE)
    report = Report.read(raw)
    (bob,) = report.recipients
    assert (bob["Action"], bob["Status"]) == ("failed", "4.4.1")
    (journey,) = await here.trace(said.id)
    times = {entry.event.value: entry.at - start for entry in journey.entries}
    assert 4 * HOUR <= times["warned"] < 4 * HOUR + 60_000_000
    assert 5 * DAY <= times["bounced"] < 5 * DAY + 60_000_000
    tries = [entry for entry in journey.entries if entry.event.value in ("deferred", "bounced")]
    assert 30 < len(tries) < 42
    assert (await here.balance()).queued_in_queue == 0


@pytest.mark.parametrize("reply", ["451 4.7.1 later", "421 4.3.2 busy", HANG_UP])
def test_the_attempts_of_five_days_are_those_of_the_schedule(reply: str, tmp_path: Path) -> None:
    """Each pause within a tenth of its length, but for those that end with the warning and with the end."""

    @live
    async def story(town: Town) -> None:
        here = await house(town)
        there = town.far("there.example", Far(lambda line: reply if line.startswith("RCPT") else None))
        said = await here.send(ALICE, [BOB])
        await town.wait("5d1m")
        (journey,) = await here.trace(said.id)
        at = [
            entry.at - journey.at for entry in journey.entries if entry.event.value in ("deferred", "bounced")
        ]
        assert there.connections == len(at)
        schedule, warned, over = Schedule(), 4 * HOUR, 5 * DAY
        pauses = [*schedule.retry, *[schedule.retry[-1]] * len(at)]
        for number, (before, after) in enumerate(pairwise(at)):
            pause = pauses[number]
            if after < over - MINUTE and not warned <= after < warned + MINUTE:
                assert 0.9 * pause <= after - before <= 1.1 * pause + MINUTE, (number, after - before)
            else:
                assert after - before <= 1.1 * pause + MINUTE
        assert any(warned <= one < warned + MINUTE for one in at)
        assert over <= at[-1] < over + MINUTE

    story(tmp_path)


@live
async def test_several_failures_of_one_message_are_one_notice(town: Town) -> None:
    here = await house(town)
    names = [f"user{number}@there.example" for number in range(30)]
    town.far("there.example", refuse(*names))
    await here.send(ALICE, names)
    report = Report.read(*await here.inbox(ALICE))
    assert sorted(one["Final-Recipient"] for one in report.recipients) == sorted(
        f"rfc822; {name}" for name in names
    )


@live
async def test_behind_an_alias_the_sender_reads_what_he_wrote(town: Town) -> None:
    here = await house(town)
    town.far("there.example", refuse(EVA))
    await here.alias("team@here.example", EVA)
    await here.send(ALICE, ["team@here.example"])
    report = Report.read(*await here.inbox(ALICE))
    (eva,) = report.recipients
    assert f"team@here.example (which leads to {EVA})" in " ".join(report.text.split())
    assert "Original-Recipient" not in eva  # RFC 3461 §6.3 d
    assert eva["Final-Recipient"] == f"rfc822; {EVA}"


@live
async def test_a_bounce_to_a_sender_elsewhere_is_mail_like_any_other(town: Town) -> None:
    here = await house(town)
    await here.alias("team@here.example", EVA)
    town.far("there.example", refuse(EVA))
    elsewhere = await town.server("mx.elsewhere.example", "elsewhere.example", "zoe")
    await here.receive("zoe@elsewhere.example", ["team@here.example"])
    (raw,) = await elsewhere.inbox("zoe@elsewhere.example")
    assert Report.read(raw).recipients[0]["Status"] == "5.1.1"
    balance = await here.balance()
    assert (balance.bounced, balance.relayed) == (1, 1)


@live
async def test_a_bounce_that_cannot_be_delivered_is_discarded_by_rule(town: Town) -> None:
    here = await house(town)
    await here.alias("team@here.example", EVA)
    town.far("there.example", refuse(EVA))
    elsewhere = await town.server("mx.elsewhere.example", "elsewhere.example")
    await here.receive("nobody@elsewhere.example", ["team@here.example"])
    await town.wait("1m")
    balance = await here.balance()
    assert (balance.accepted, balance.bounced, balance.discarded, balance.queued_in_queue) == (2, 1, 1, 0)
    (notice,) = [
        journey for journey in await here.trace("nobody@elsewhere.example") if journey.protocol == "bounce"
    ]
    assert notice.entries[-1].detail.startswith("null-sender: 550 5.1.1")
    assert (await elsewhere.balance()).accepted == 0


@live
async def test_a_bounce_to_an_account_that_has_gone_is_discarded_by_rule(town: Town) -> None:
    here = await house(town)
    await here.alias("team@here.example", EVA)
    town.far("there.example", refuse(EVA))
    await here.receive("gone@here.example", ["team@here.example"])
    (notice,) = [journey for journey in await here.trace("gone@here.example") if journey.protocol == "bounce"]
    assert notice.entries[-1].detail == "unknown-recipient"


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("there.example. MX 0 .", "5.1.10", "takes no mail"),
        ("elsewhere.example. A 192.0.2.1", "5.1.2", "there is no domain there.example"),
        ("there.example. TXT nothing", "5.4.4", "neither a mail host nor an address"),
        ("there.example. MX 10 mail.here.example.", "5.4.6", "come back to this server"),
    ],
    ids=["null MX", "no such domain", "no host", "ourselves"],
)
def test_what_the_dns_says_for_good(line: str, status: str, words: str, tmp_path: object) -> None:
    @live
    async def story(town: Town) -> None:
        here = await house(town)
        town.zone.add(line)
        await here.send(ALICE, [BOB])
        report = Report.read(*await here.inbox(ALICE))
        (bob,) = report.recipients
        assert bob["Status"] == status
        assert words in " ".join(report.text.split())

    story(tmp_path)  # type: ignore[arg-type]
