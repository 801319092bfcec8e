"""Mail that stays in the house, and what its readers see of it."""

from __future__ import annotations

from tests.journeys.server import Server
from tests.journeys.town import Town, live

ALICE, BOB = "alice@here.example", "bob@here.example"


async def house(town: Town, *users: str) -> Server:
    return await town.server("mail.here.example", "here.example", *users)


@live
async def test_from_one_account_to_another_read_by_imap_and_pop3(town: Town) -> None:
    here = await house(town, "alice", "bob")
    watching = await here.imap(BOB)
    await watching.ask("SELECT INBOX")
    await watching.idle()
    text = town.letter(ALICE, [BOB])
    said = await here.send(ALICE, [BOB], text)
    assert said.code == 250
    assert await watching.line() == "* 1 EXISTS"
    await watching.done()
    (fetched,) = await watching.ask("FETCH 1 BODY.PEEK[]")
    assert text.decode() in fetched
    pop3 = await here.pop3(BOB)
    assert text in await pop3.block("RETR 1")
    await pop3.ask("DELE 1")
    await pop3.ask("QUIT")
    assert "* 1 EXPUNGE" in await watching.ask("NOOP")
    assert await here.events(said.id) == [f"accepted {BOB}", f"delivered {BOB}"]


@live
async def test_what_stands_in_front_says_who_and_how(town: Town) -> None:
    here = await house(town, "alice", "bob")
    said = await here.send(ALICE, [BOB])
    (stored,) = await here.inbox(BOB)
    lines = stored.decode().split("\r\n")
    assert lines[0] == f"Return-Path: <{ALICE}>"
    assert lines[1] == "Received: from client.example ([203.0.113.1])"
    assert f"with ESMTPA id {said.id}" in lines[2]


@live
async def test_everybody_gets_one_copy_however_often_he_is_named(town: Town) -> None:
    here = await house(town, "alice", "bob")
    await here.alias("team@here.example", ALICE, BOB)
    await here.alias("all@here.example", "team@here.example", BOB)
    await here.send(ALICE, ["all@here.example", BOB, "team@here.example", "BOB+lists@Here.Example"])
    assert len(await here.inbox(BOB)) == len(await here.inbox(ALICE)) == 1
    assert (await here.balance()).delivered == 6


@live
async def test_a_mailbox_that_was_moved_to_stays_when_pop3_empties_the_inbox(town: Town) -> None:
    here = await house(town, "alice", "bob")
    for _ in range(3):
        await here.send(ALICE, [BOB])
    imap = await here.imap(BOB)
    await imap.ask("SELECT INBOX")
    await imap.ask("CREATE Plans")
    await imap.ask("MOVE 2 Plans")
    pop3 = await here.pop3(BOB)
    for number in (1, 2):
        await pop3.ask(f"DELE {number}")
    await pop3.ask("QUIT")
    assert await here.inbox(BOB) == []
    (kept,) = await here.inbox(BOB, "Plans")
    assert b"This is letter 2." in kept


@live
async def test_lmtp_answers_for_each_recipient(town: Town) -> None:
    here = await house(town, "alice", "bob")
    smtp = await here.lmtp()
    await smtp.ask("MAIL FROM:<someone@elsewhere.example>")
    assert (await smtp.ask(f"RCPT TO:<{ALICE}>")).code == 250
    assert (await smtp.ask("RCPT TO:<nobody@here.example>")).code == 550
    assert (await smtp.ask(f"RCPT TO:<{BOB}>")).code == 250
    assert (await smtp.ask("DATA")).code == 354
    smtp.say("Subject: two\r\n\r\ntext\r\n.")
    assert [(await smtp.reply()).code for _ in range(2)] == [250, 250]
    assert len(await here.inbox(ALICE)) == len(await here.inbox(BOB)) == 1


@live
async def test_strangers_cannot_send_through_us(town: Town) -> None:
    here = await house(town, "alice")
    said = await here.receive("someone@elsewhere.example", ["other@there.example"])
    assert said.code == 550
    assert (await here.balance()).accepted == 0
