"""What the sender wants to be told (RFC 3461), from one server to the next and back."""

from __future__ import annotations

from email import message_from_bytes

from tests.journeys.far import Far
from tests.journeys.server import Server
from tests.journeys.test_bounces import ALICE, BOB, EVA, Report, house, refuse
from tests.journeys.town import Town, live

DSN = ("PIPELINING", "SIZE 1000000", "8BITMIME", "DSN")


class Listening(Far):
    """Remembers the envelopes as they were written."""

    def __init__(self, *, dsn: bool) -> None:
        self.said: list[str] = []
        super().__init__(self._note, DSN if dsn else DSN[:-1])

    def _note(self, line: str) -> None:
        if line.startswith(("MAIL", "RCPT")):
            self.said.append(line)


@live
async def test_a_server_that_knows_of_it_is_told_and_answers_for_it(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", far := Listening(dsn=True))
    mail, rcpt = " RET=HDRS ENVID=QQ+2B3", " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@There.Example"
    await here.send(ALICE, [BOB], mail=mail, rcpt=rcpt)
    (sender, recipient) = far.said
    assert sender.startswith(f"MAIL FROM:<{ALICE}> ")
    assert sender.endswith(mail)
    assert recipient == f"RCPT TO:<{BOB}>{rcpt}"
    assert len(there.taken) == 1
    assert await here.inbox(ALICE) == []


@live
async def test_what_was_not_said_is_not_handed_on(town: Town) -> None:
    here = await house(town)
    town.far("there.example", far := Listening(dsn=True))
    await here.send(ALICE, [BOB])
    assert "NOTIFY" not in far.said[1]
    assert "RET" not in far.said[0]
    assert "ENVID" not in far.said[0]
    assert "ORCPT" not in far.said[1]


@live
async def test_beyond_a_server_that_does_not_know_of_it(town: Town) -> None:
    """RFC 3461 §5.2.2: nothing of it is said there, and the sender learns how far his message came."""
    here = await house(town)
    town.far("there.example", far := Listening(dsn=False))
    said = await here.send(ALICE, [BOB], mail=" RET=FULL ENVID=a", rcpt=" NOTIFY=SUCCESS")
    assert not any(word in line for line in far.said for word in ("NOTIFY", "RET", "ENVID"))
    report = Report.read(*await here.inbox(ALICE))
    assert report.subject == "Passed on: hello"
    assert report.message["Original-Envelope-Id"] == "a"
    (bob,) = report.recipients
    assert (bob["Action"], bob["Remote-MTA"]) == ("relayed", "dns; mx.there.example")
    assert bob["Status"].startswith("2.")
    assert f"relayed {BOB}" in await here.events(said.id)


@live
async def test_a_failure_that_nobody_wants_to_hear_of(town: Town) -> None:
    here = await house(town)
    town.far("there.example", refuse(EVA))
    for notify in ("NEVER", "SUCCESS", "SUCCESS,DELAY"):
        said = await here.send(ALICE, [EVA], rcpt=f" NOTIFY={notify}")
        (journey,) = await here.trace(said.id)
        assert journey.entries[-1].detail.startswith("notify-never: 550 5.1.1")
    assert await here.inbox(ALICE) == []
    balance = await here.balance()
    assert (balance.discarded, balance.bounced, balance.queued_in_queue) == (3, 0, 0)


@live
async def test_a_failure_brings_the_whole_message_back(town: Town) -> None:
    here = await house(town)
    town.far("there.example", refuse(EVA))
    await here.send(ALICE, [EVA], mail=" RET=FULL")
    (raw,) = await here.inbox(ALICE)
    whole = message_from_bytes(raw).get_payload(2)
    assert whole.get_content_type() == "message/rfc822"  # type: ignore[union-attr]
    assert b"This is letter" in raw
    assert b"Return-Path: <alice" not in raw


@live
async def test_delays_are_told_to_whom_they_matter(town: Town) -> None:
    here = await house(town)
    town.publish("there.example", "mx.there.example", town.address())  # where nobody listens
    for notify in ("FAILURE", "FAILURE,DELAY", "NEVER"):
        await here.send(ALICE, [BOB], rcpt=f" NOTIFY={notify}", mail=f" ENVID={notify[-5:]}")
    await town.wait("5h")
    (late,) = map(Report.read, await here.inbox(ALICE))
    assert (late.subject, late.message["Original-Envelope-Id"]) == ("Delayed: hello", "DELAY")
    await town.wait("5d")
    _, *failed = map(Report.read, await here.inbox(ALICE))
    assert {one.message["Original-Envelope-Id"] for one in failed} == {"ILURE", "DELAY"}
    assert len(failed) == 2


@live
async def test_a_notice_asks_that_nobody_is_told_of_it(town: Town) -> None:
    """RFC 3461 §6.1."""
    here = await house(town)
    await here.alias("team@here.example", EVA)
    town.far("there.example", refuse(EVA))
    town.far("elsewhere.example", far := Listening(dsn=True))
    await here.receive("zoe@elsewhere.example", ["team@here.example"])
    assert far.said[0].startswith("MAIL FROM:<> ")
    assert far.said[1] == "RCPT TO:<zoe@elsewhere.example> NOTIFY=NEVER"


@live
async def test_between_two_of_ours_the_last_one_tells(town: Town) -> None:
    here = await house(town)
    there: Server = await town.server("mx.there.example", "there.example", "bob")
    await here.send(ALICE, [BOB], rcpt=" NOTIFY=SUCCESS ORCPT=rfc822;Bob@there.example")
    assert len(await there.inbox(BOB)) == 1
    report = Report.read(*await here.inbox(ALICE))
    assert report.subject == "Delivered: hello"
    assert report.message["Reporting-MTA"] == "dns; mx.there.example"
    assert report.recipients[0]["Original-Recipient"] == "rfc822; Bob@there.example"
    assert report.recipients[0]["Action"] == "delivered"


@live
async def test_where_two_addresses_lead_to_one_the_wishes_of_both_count(town: Town) -> None:
    here = await house(town)
    await here.alias("info@here.example", BOB)
    town.far("there.example", refuse(BOB))
    smtp = await here.smtp("submission", ALICE)
    for line in (f"MAIL FROM:<{ALICE}>", "RCPT TO:<info@here.example> NOTIFY=NEVER", f"RCPT TO:<{BOB}>"):
        assert (await smtp.ask(line)).code == 250
    assert (await smtp.ask("DATA")).code == 354
    assert (await smtp.ask(f"From: {ALICE}\r\n\r\nhello\r\n.")).code == 250
    await smtp.quit()
    await town.wait("1m")
    assert Report.read(*await here.inbox(ALICE)).recipients[0]["Action"] == "failed"
