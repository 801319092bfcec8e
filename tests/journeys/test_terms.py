"""When mail is to be there: held until a time (RFC 4865), by a time (RFC 2852), before other mail (RFC 6710)."""

from __future__ import annotations

from tests.journeys.far import Far
from tests.journeys.server import Server
from tests.journeys.test_bounces import ALICE, BOB, EVA, Report, house, refuse
from tests.journeys.town import Town, live

from correo import accounts, mailbox
from correo.queue import Selection
from correo.storage.db import Tx

CAROL = "carol@here.example"
PLAIN = ("PIPELINING", "SIZE 1000000", "8BITMIME")


class Listening(Far):
    """Remembers the envelopes as they were written."""

    def __init__(self, *more: str) -> None:
        self.said: list[str] = []
        super().__init__(self._note, (*PLAIN, *more))

    def _note(self, line: str) -> None:
        if line.startswith("MAIL"):
            self.said.append(line)


async def limit(tx: Tx, address: str, messages: int) -> None:
    account = await accounts.get_account(tx, address)
    assert account
    await mailbox.set_limits(tx, account.id, messages=messages, size=None, mailboxes=None)


async def remove(tx: Tx, address: str, now: int) -> None:
    account = await accounts.get_account(tx, address)
    assert account
    await accounts.remove_account(tx, address)
    await mailbox.remove_account(tx, account.id, now)


# -- held until a time ---------------------------------------------------------------------------------------------------


@live
async def test_held_mail_reaches_nobody_before_its_time(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice", "carol")
    await here.alias("team@here.example", CAROL, EVA)
    there = town.far("there.example")
    said = await here.send(ALICE, [BOB, ALICE, "team@here.example"], mail=" HOLDFOR=7200")
    await town.wait("1h")
    assert await here.retry(Selection()) == 0
    assert (len(there.taken), await here.inbox(ALICE), await here.inbox(CAROL)) == (0, [], [])
    await town.wait("61m")
    assert sorted(one for taken in there.taken for one in taken.recipients) == [BOB, EVA]
    assert [len(await here.inbox(who)) for who in (ALICE, CAROL)] == [1, 1]
    assert {f"delivered {ALICE}", f"delivered {CAROL}", f"relayed {BOB}"} <= set(await here.events(said.id))
    assert (await here.balance()).queued_in_queue == 0


@live
async def test_held_mail_comes_once_however_often_somebody_is_addressed(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice")
    await here.alias("me@here.example", ALICE)
    await here.send(ALICE, [ALICE, "me@here.example", "alice+tag@here.example"], mail=" HOLDFOR=60")
    assert len(await here.queued()) == 1
    await town.wait("2m")
    assert len(await here.inbox(ALICE)) == 1


@live
async def test_the_operator_stops_held_mail_and_lets_it_go_on(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice")
    await here.send(ALICE, [ALICE], mail=" HOLDFOR=3600")
    assert await here.hold(Selection()) == 1
    assert await here.release(Selection()) == 1
    await town.wait("30m")
    assert await here.inbox(ALICE) == []
    await town.wait("31m")
    assert len(await here.inbox(ALICE)) == 1


@live
async def test_a_sender_who_asked_is_told_that_held_mail_arrived(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice", "carol")
    await here.send(ALICE, [CAROL], mail=" HOLDFOR=60", rcpt=" NOTIFY=SUCCESS")
    assert await here.inbox(ALICE) == []
    await town.wait("2m")
    report = Report.read(*await here.inbox(ALICE))
    assert (report.subject, report.recipients[0]["Action"]) == ("Delivered: hello", "delivered")


@live
async def test_the_time_of_held_mail_begins_with_its_release(town: Town) -> None:
    here = await house(town)
    town.publish("there.example", "mx.there.example", town.address())  # where nobody listens
    await here.send(ALICE, [BOB], mail=" HOLDFOR=864000")
    await town.wait("10d1h")
    assert len(await here.queued()) == 1
    assert await here.inbox(ALICE) == []
    await town.wait("5d")
    assert [Report.read(raw).subject for raw in await here.inbox(ALICE)] == [
        "Delayed: hello",
        "Could not be delivered: hello",
    ]


@live
async def test_an_account_that_is_full_when_its_mail_is_released(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice", "carol")
    await here.send(ALICE, [CAROL], mail=" HOLDFOR=60")
    await here.db.write(limit, CAROL, 0)
    await town.wait("2m")
    ((_, state, attempts),) = await here.queued()
    assert (state, attempts) == ("waiting", 1)
    await here.db.write(limit, CAROL, 1)
    await town.wait("10m")
    assert len(await here.inbox(CAROL)) == 1


@live
async def test_an_account_that_has_gone_when_its_mail_is_released(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice", "carol")
    await here.send(ALICE, [CAROL], mail=" HOLDFOR=60")
    await here.db.write(remove, CAROL, town.clock.now())
    await town.wait("2m")
    report = Report.read(*await here.inbox(ALICE))
    assert report.recipients[0]["Status"] == "5.1.1"


@live
async def test_an_alias_that_leads_too_far_when_its_mail_is_released(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice", "carol")
    said = await here.send(ALICE, [CAROL], mail=" HOLDFOR=60")
    await here.db.write(remove, CAROL, town.clock.now())
    for at in range(40):
        await here.alias(f"a{at}@here.example", f"a{at + 1}@here.example")
    await here.alias(CAROL, "a0@here.example")
    await town.wait("2m")
    ((_, state, attempts),) = await here.queued()
    assert (state, attempts) == ("waiting", 1)
    await town.wait("6d")
    assert Report.read(await last(here, ALICE)).recipients[0]["Action"] == "failed"
    assert f"bounced {CAROL}" in await here.events(said.id)
    assert (await here.balance()).difference == 0


@live
async def test_of_held_mail_the_sender_learns_no_more_than_of_other_mail(town: Town) -> None:
    here = await town.server("mail.here.example", "here.example", "alice", "carol")
    await here.alias("info@here.example", CAROL)
    await here.send(ALICE, ["info@here.example"], mail=" HOLDFOR=60", rcpt=" NOTIFY=SUCCESS")
    await town.wait("2m")
    (raw,) = await here.inbox(ALICE)
    assert Report.read(raw).recipients[0]["Final-Recipient"] == "rfc822; info@here.example"
    assert b"carol" not in raw


async def last(here: Server, who: str) -> bytes:
    return (await here.inbox(who))[-1]


# -- by a time -----------------------------------------------------------------------------------------------------------


@live
async def test_a_server_that_watches_the_time_is_told_how_much_is_left(town: Town) -> None:
    here = await house(town)
    down = [True]
    town.far("there.example", far := Listening("DELIVERBY"))
    far.answer = lambda line: "421 not now" if line == "connect" and down[0] else far._note(line)
    await here.send(ALICE, [BOB], mail=" BY=3600;N")
    down[0] = False
    await town.wait("7m")
    (said,) = far.said
    left = int(said.partition("BY=")[2].partition(";")[0])
    assert said.endswith(";N")
    assert 3600 - 7 * 60 <= left < 3600
    assert await here.inbox(ALICE) == []


@live
async def test_what_must_be_in_time_does_not_go_where_nobody_watches_it(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example")
    await here.send(ALICE, [BOB], mail=" BY=3600;R")
    report = Report.read(*await here.inbox(ALICE))
    assert report.recipients[0]["Status"] == "5.3.3"
    assert report.message["Deliver-By-Date"]
    assert there.taken == []


@live
async def test_a_server_that_needs_more_time_than_is_left(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", Listening("DELIVERBY 600"))
    await here.send(ALICE, [BOB], mail=" BY=599;R")
    assert Report.read(*await here.inbox(ALICE)).recipients[0]["Status"] == "5.4.7"
    await here.send(ALICE, [BOB], mail=" BY=601;R")
    assert len(there.taken) == 1


@live
async def test_too_late_it_goes_back(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", refuse(BOB, reply="451 4.7.1 later"))
    there.extensions += ("DELIVERBY",)
    await here.send(ALICE, [BOB], mail=" BY=1200;R")
    await town.wait("19m")
    assert await here.inbox(ALICE) == []
    await town.wait("2m")
    report = Report.read(*await here.inbox(ALICE))
    assert (report.recipients[0]["Status"], report.recipients[0]["Action"]) == ("5.4.7", "failed")
    assert await here.queued() == []


@live
async def test_too_late_its_sender_is_told_and_it_is_tried_further(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", refuse(BOB, reply="451 4.7.1 later"))
    await here.send(ALICE, [BOB], mail=" BY=1200;N")
    await town.wait("25m")
    report = Report.read(*await here.inbox(ALICE))
    assert (report.recipients[0]["Status"], report.recipients[0]["Action"]) == ("4.4.7", "delayed")
    there.answer = lambda line: None
    await town.wait("1h")
    assert len(there.taken) == 1


@live
async def test_where_nobody_watches_the_time_its_sender_hears_that(town: Town) -> None:
    here = await house(town)
    town.far("there.example")
    await here.send(ALICE, [BOB], mail=" BY=3600;N")
    assert Report.read(*await here.inbox(ALICE)).recipients[0]["Action"] == "relayed"
    await here.send(ALICE, [BOB], mail=" BY=3600;N", rcpt=" NOTIFY=FAILURE")
    assert len(await here.inbox(ALICE)) == 1


@live
async def test_a_message_is_followed_on_its_way(town: Town) -> None:
    here = await house(town)
    town.far("there.example", far := Listening("DELIVERBY"))
    await here.send(ALICE, [BOB], mail=" BY=3600;RT")
    assert far.said[0].endswith(";RT")
    assert Report.read(*await here.inbox(ALICE)).recipients[0]["Action"] == "relayed"


# -- before other mail ---------------------------------------------------------------------------------------------------


@live
async def test_a_priority_is_handed_on_where_it_is_known_and_in_the_header(town: Town) -> None:
    here = await house(town)
    known = town.far("there.example", far := Listening("MT-PRIORITY"))
    unknown = town.far("elsewhere.example", other := Listening())
    await here.send(ALICE, [BOB, "zoe@elsewhere.example"], mail=" MT-PRIORITY=-3")
    assert far.said[0].endswith(" MT-PRIORITY=-3")
    assert "PRIORITY" not in other.said[0]
    for server in (known, unknown):
        assert b"\r\nMT-Priority: -3\r\n" in server.taken[0].text
