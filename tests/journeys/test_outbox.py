"""What somebody has sent and still waits, seen in his Outbox; and what becomes of it when he takes it back there."""

from __future__ import annotations

from tests.journeys.client import Imap
from tests.journeys.far import HUSH, Far
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo import accounts, mailbox
from correo.access.imap.unsent import STALE_AFTER
from correo.mail.message import decode_words
from correo.queue import Selection
from correo.storage.db import Tx

ALICE, ANNA = "alice@here.example", "anna@here.example"
BOB, EVA = "bob@there.example", "eva@there.example"


async def house(town: Town) -> Server:
    return await town.server("mail.here.example", "here.example", "alice", "anna")


def greylisting() -> Far:
    """It takes nothing yet, and says so in words that are not for a header."""
    return Far(lambda line: "451 4.7.1 gr\xfcn\tlisted: try later" if line.startswith("RCPT") else None)


def impatient() -> Far:
    """It takes what is tried a third time."""
    tries = iter(("451 4.7.1 not yet",) * 2)
    return Far(lambda line: next(tries, None) if line.startswith("RCPT") else None)


def mute() -> Far:
    return Far(lambda line: HUSH)


async def seen(imap: Imap, uid: int) -> list[str]:
    """The fields that say how it stands."""
    fields = "X-CORREO-QUEUE-ID X-CORREO-RECIPIENT X-CORREO-LAST-REPLY X-CORREO-MORE-RECIPIENTS"
    (told,) = await imap.ask(f"UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS ({fields})])")
    header = told.partition("\r\n")[2].removesuffix("\r\n\r\n)")
    assert header.isascii()
    return [decode_words(field) for field in header.replace("\r\n ", " ").split("\r\n")]


async def exists(imap: Imap) -> list[str]:
    """What NOOP tells of messages that came and went."""
    return [line for line in await imap.ask("NOOP") if line.endswith(("EXISTS", "EXPUNGE"))]


@live
async def test_the_reply_is_seen_and_what_is_deleted_is_never_sent(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", greylisting())
    said = await here.send(ALICE, [BOB])
    imap = await here.imap(ALICE)
    assert "* 1 EXISTS" in await imap.ask("SELECT Outbox")
    number, recipient, reply = await seen(imap, 1)
    assert number == f"X-Correo-Queue-Id: {said.id}"
    assert recipient.startswith(
        f"X-Correo-Recipient: {BOB}; waiting; attempts 1; next attempt Thu, 1 Jan 2026 "
    )
    assert reply.startswith(
        f"X-Correo-Last-Reply: {BOB}; 451 4.7.1 gr\xfcn listed: try later (mx.there.example "
    )
    await imap.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert "* 1 EXPUNGE" in await imap.ask("EXPUNGE")
    assert await here.queued() == []
    tried = there.connections
    await town.wait("6d")
    assert (there.connections, there.taken) == (tried, [])
    assert await here.inbox(ALICE) == []  # neither a warning nor a bounce
    assert await here.events(said.id) == [f"accepted {BOB}", f"deferred {BOB}", f"discarded {BOB}"]
    (journey,) = await here.trace(said.id)
    assert journey.entries[-1].detail == "cancelled: by its sender"


@live
async def test_what_is_moved_to_the_drafts_is_as_it_was_submitted(town: Town) -> None:
    here = await house(town)
    town.far("there.example", greylisting())
    text = town.letter(ALICE, [BOB, EVA])
    await here.send(ALICE, [BOB, EVA], text)
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    assert "* 1 EXPUNGE" in await imap.ask("UID MOVE 1 Drafts")
    assert await here.queued() == []
    assert await here.inbox(ALICE, "Drafts") == [text]
    await town.wait("6d")
    assert await here.inbox(ALICE) == []


@live
async def test_every_attempt_is_a_new_message_and_delivery_ends_it(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", impatient())
    await here.send(ALICE, [BOB])
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    await imap.idle()
    await town.wait("25m")
    told = [line for line in await imap.done() if line.endswith(("EXISTS", "EXPUNGE"))]
    assert len(there.taken) == 1
    assert told.count("* 1 EXPUNGE") == told.count("* 1 EXISTS") + 1 > 1
    (status,) = await imap.ask("STATUS Outbox (MESSAGES UIDNEXT)")
    assert status == f"* STATUS Outbox (MESSAGES 0 UIDNEXT {told.count('* 1 EXISTS') + 2})"


@live
async def test_two_sessions_see_the_same(town: Town) -> None:
    here = await house(town)
    town.far("there.example", greylisting())
    one, two, hers = await here.imap(ALICE), await here.imap(ALICE), await here.imap(ANNA)
    for imap in (one, two, hers):
        await imap.ask("SELECT Outbox")
    await one.idle()
    await here.send(ALICE, [BOB])
    await here.send(ALICE, [EVA])
    assert await exists(two) == ["* 2 EXISTS"]
    assert await exists(hers) == []
    await two.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await two.ask("EXPUNGE")
    told = await one.done()
    assert [line for line in told if line.endswith(("EXISTS", "EXPUNGE"))][-1] == "* 1 EXPUNGE"
    assert await exists(one) == []
    assert [address for address, _, _ in await here.queued()] == [EVA]


@live
async def test_what_is_being_sent_cannot_be_taken_back(town: Town) -> None:
    here = await house(town)
    town.far("there.example", mute())
    await here.send(ALICE, [BOB])
    assert await here.queued() == [(BOB, "active", 0)]
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    await imap.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
    imap.say("x EXPUNGE")
    assert (await imap.line()).startswith("x NO [INUSE] ")
    imap.say("y MOVE 1 Drafts")
    assert (await imap.line()).startswith("y NO [INUSE] ")
    assert await here.inbox(ALICE, "Drafts") == []
    # It was marked: so it has kept its UID when the attempt came to nothing, and goes now.
    await town.wait("25m")
    assert [state for _, state, _ in await here.queued()] == ["waiting"]
    assert "* 1 EXPUNGE" in await imap.ask("UID EXPUNGE 1")
    assert await here.queued() == []


@live
async def test_what_was_delivered_stays_delivered(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example")
    town.zone.fail("elsewhere.example")
    said = await here.send(ALICE, [BOB, ANNA, "max@elsewhere.example"])
    assert len(there.taken) == 1
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    assert len([line for line in await seen(imap, 1) if line.startswith("X-Correo-Recipient")]) == 1
    await imap.ask("MOVE 1 Trash")
    ends = [event for event in await here.events(said.id) if not event.startswith(("accepted", "deferred"))]
    assert sorted(ends) == [f"delivered {ANNA}", "discarded max@elsewhere.example", f"relayed {BOB}"]


@live
async def test_notify_tells_of_it_while_another_mailbox_is_open(town: Town) -> None:
    here = await house(town)
    town.far("there.example", greylisting())
    imap = await here.imap(ALICE)
    await imap.ask("NOTIFY SET (personal (MessageNew MessageExpunge))")
    await here.send(ALICE, [BOB])
    while not (told := await imap.line()).startswith("* STATUS Outbox ("):
        pass
    assert "MESSAGES 1" in told


@live
async def test_what_the_operator_did_is_seen_a_minute_later_at_the_latest(town: Town) -> None:
    here = await house(town)
    town.far("there.example", greylisting())
    await here.send(ALICE, [BOB])
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    assert await here.hold(Selection(address=BOB)) == 1
    await town.wait(STALE_AFTER)
    assert await exists(imap) == ["* 1 EXPUNGE", "* 1 EXISTS"]
    assert (await seen(imap, 2))[1] == f"X-Correo-Recipient: {BOB}; held; attempts 1"
    assert await here.delete(Selection(address=BOB)) == 1
    await town.wait(STALE_AFTER)
    assert await exists(imap) == ["* 1 EXPUNGE"]


@live
async def test_it_outlives_the_server_and_goes_with_the_account(town: Town) -> None:
    here = await house(town)
    town.far("there.example", greylisting())
    await here.send(ALICE, [BOB])
    imap = await here.imap(ALICE)
    before = await imap.ask("SELECT Outbox")
    await here.stop()
    await here.start(working=False)
    imap = await here.imap(ALICE)
    after = await imap.ask("SELECT Outbox")
    for what in ("UIDVALIDITY", "UIDNEXT", "MAILBOXID", "EXISTS"):
        assert [line for line in before if what in line] == [line for line in after if what in line]
    await here.db.write(_remove, ALICE, town.clock.now())
    assert await here.db.read(_left) == 0
    here.work()


async def _remove(tx: Tx, address: str, now: int) -> None:
    account = await accounts.remove_account(tx, address)
    await mailbox.remove_account(tx, account.id, now)


async def _left(tx: Tx) -> int:
    row = await tx.one(
        "SELECT (SELECT count(*) FROM mailbox_shown) + (SELECT count(*) FROM mailbox_account WHERE account_id < 0)"
    )
    return int(row[0]) if row else 0


@live
async def test_a_mailing_is_told_in_few_words(town: Town) -> None:
    here = await house(town)
    town.zone.fail("there.example")
    many = [f"user{number}@there.example" for number in range(60)]
    await here.send(ALICE, many)
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    fields = await seen(imap, 1)
    assert len([field for field in fields if field.startswith("X-Correo-Recipient: ")]) == 20
    assert fields[-1] == "X-Correo-More-Recipients: and 40 more"
    await imap.ask("MOVE 1 Trash")
    assert await here.queued() == []


@live
async def test_whoever_idles_while_a_mailing_is_sent_is_told_now_and_then(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example")
    town.zone.fail("stuck.example")
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    await imap.idle()
    for lot in range(6):
        await here.send(ALICE, [f"user{number}.{lot}@stuck.example" for number in range(100)])
    for number in range(50):
        await here.send(ALICE, [f"user{number}@there.example"])
    await town.wait("10s")
    assert len(there.taken) == 50
    told = [line for line in await imap.done() if line.endswith("EXISTS")]
    assert 6 <= len(told) < 150
    (status,) = await imap.ask("STATUS Outbox (MESSAGES)")
    assert status == "* STATUS Outbox (MESSAGES 6)"


@live
async def test_a_mailing_holds_up_no_other_word(town: Town) -> None:
    here = await house(town)
    town.zone.fail("stuck.example")
    for lot in range(40):
        await here.send(ALICE, [f"user{number}.{lot}@stuck.example" for number in range(100)])
    imap = await here.imap(ALICE)
    await imap.ask("SELECT INBOX")
    events = "(MessageNew MessageExpunge)"
    await imap.ask(f"NOTIFY SET (selected {events}) (personal {events})")
    for act in ("UID FETCH 1:* (FLAGS)", "NOOP"):
        await here.send(ALICE, ["one@stuck.example"])
        asked = town.clock.now()
        await imap.ask(act)
        assert town.clock.now() == asked
    await imap.idle()
    await here.send(ANNA, [ALICE])
    asked = town.clock.now()
    assert "* 1 EXISTS" in await imap.done()
    assert town.clock.now() == asked


@live
async def test_what_was_to_be_sent_later_is_taken_back_and_nobody_is_told(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example")
    await here.alias("us@here.example", ANNA)
    told = await here.send(
        ALICE, [BOB, "us@here.example"], mail=" HOLDFOR=7200", rcpt=" NOTIFY=SUCCESS,DELAY,FAILURE"
    )
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    for address, field in zip((BOB, "us@here.example"), (await seen(imap, 1))[1:], strict=True):
        # An account here goes by the name that was written.
        state = "waiting; attempts 0; next attempt Thu, 1 Jan 2026 02:00:00 +0000"
        assert field == f"X-Correo-Recipient: {address}; {state}"
    await imap.ask("MOVE 1 Drafts")
    await town.wait("7d")
    assert (there.taken, await here.inbox(ALICE), await here.inbox(ANNA)) == ([], [], [])
    ends = [event for event in await here.events(told.id) if event.startswith("discarded")]
    assert sorted(ends) == [f"discarded {ANNA}", f"discarded {BOB}"]


@live
async def test_what_comes_back_leaves_the_outbox(town: Town) -> None:
    here = await house(town)
    answers = iter(("451 4.7.1 not yet",))
    town.far("there.example", Far(lambda line: next(answers, "550 5.1.1 no") if "RCPT" in line else None))
    await here.send(ALICE, [BOB])
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    assert len(await seen(imap, 1)) == 3
    await town.wait("25m")
    assert await exists(imap) == ["* 1 EXPUNGE"]
    (bounce,) = await here.inbox(ALICE)
    assert b"550 5.1.1 no" in bounce
    assert b"X-Correo-" not in bounce


@live
async def test_what_expires_leaves_the_outbox(town: Town) -> None:
    here = await house(town)
    town.zone.fail("there.example")
    await here.send(ALICE, [BOB])
    await town.wait("119h")
    await town.wait("50m")
    imap = await here.imap(ALICE)
    assert "* 1 EXISTS" in await imap.ask("SELECT Outbox")
    await imap.idle()
    await town.wait("25m")
    told = [line for line in await imap.done() if line.endswith(("EXISTS", "EXPUNGE"))]
    assert told[-1] == "* 1 EXPUNGE"
    assert await here.queued() == []


@live
async def test_what_was_sent_meanwhile_cannot_be_replaced(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", impatient())
    await here.send(ALICE, [BOB])
    imap = await here.imap(ALICE)
    await imap.ask("SELECT Outbox")
    await town.wait("25m")
    assert len(there.taken) == 1
    imap.say("x REPLACE 1 Drafts {3+}\r\nx\r\n")
    line = await imap.line()
    while not line.startswith("x "):
        line = await imap.line()
    assert line.startswith("x NO ")
    assert await here.inbox(ALICE, "Drafts") == []
