"""Addresses and headers beyond ASCII (RFC 6531, RFC 6532, RFC 6533) from one end to the other."""

from __future__ import annotations

from email import message_from_bytes
from quopri import decodestring

from tests.journeys.far import Far
from tests.journeys.server import Server
from tests.journeys.test_bounces import ALICE, BOB
from tests.journeys.town import Town, live

JUERGEN = "jürgen@here.example"
RENE = "rené@there.example"
UTF8 = " SMTPUTF8"
BUECHER, ACE = "bücher.example", "xn--bcher-kva.example"
PLAIN = ("PIPELINING", "SIZE 1000000", "8BITMIME", "DSN")


class Listening(Far):
    """Remembers the envelopes as they were written."""

    def __init__(self, *more: str, refuse: str = "") -> None:
        self.said: list[str] = []
        self.refuse = refuse
        super().__init__(self._note, (*PLAIN, *more))

    def _note(self, line: str) -> str | None:
        if line.startswith(("MAIL", "RCPT")):
            self.said.append(line)
        return self.refuse if self.refuse and line.startswith("RCPT") else None


async def house(town: Town) -> Server:
    return await town.server("mail.here.example", "here.example", "alice", "jürgen")


def told(raw: bytes) -> tuple[str, str]:
    """The type of the part for programs, and what it says."""
    message = message_from_bytes(raw)
    part = message.get_payload(1)
    octets = raw.split(b"Content-Type: " + part.get_content_type().encode(), 1)[1]  # type: ignore[union-attr]
    return part.get_content_type(), decodestring(octets).decode()  # type: ignore[union-attr]


@live
async def test_between_two_of_ours_everything_stays_as_it_is(town: Town) -> None:
    here = await house(town)
    there = await town.server("mx.there.example", "there.example", "rené")
    await here.send(JUERGEN, [RENE], mail=UTF8, rcpt=" NOTIFY=SUCCESS ORCPT=utf-8;" + RENE)
    (raw,) = await there.inbox(RENE)
    assert raw.startswith(f"Return-Path: <{JUERGEN}>\r\n".encode())
    assert f"for <{RENE}>".encode() in raw
    (notice,) = await here.inbox(JUERGEN)
    kind, text = told(notice)
    assert kind == "message/global-delivery-status"
    assert f"Original-Recipient: utf-8; {RENE}" in text
    assert f"Final-Recipient: utf-8; {RENE}" in text
    assert f"To: <{JUERGEN}>\r\n".encode() in notice


@live
async def test_what_cannot_be_written_goes_back_with_the_reason(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", far := Listening())
    await here.send(ALICE, [RENE], mail=UTF8)
    kind, text = told((await here.inbox(ALICE))[0])
    assert (kind, "Status: 5.6.7" in text) == ("message/global-delivery-status", True)
    assert f"Final-Recipient: utf-8; {RENE}" in text
    await here.send(JUERGEN, [BOB], mail=UTF8)
    kind, text = told((await here.inbox(JUERGEN))[0])
    assert (kind, "Status: 5.6.7" in text) == ("message/delivery-status", True)
    header = "From: Jürgen <alice@here.example>\r\nSubject: Grüße\r\n\r\nx\r\n".encode()
    await here.send(ALICE, [BOB], header, mail=UTF8)
    assert len(await here.inbox(ALICE)) == 2
    assert (there.taken, far.said) == ([], [])


@live
async def test_what_can_be_written_in_ascii_is(town: Town) -> None:
    """A client may ask for SMTPUTF8 with whatever it sends."""
    here = await house(town)
    there = town.far("there.example", far := Listening())
    await here.send(ALICE, [BOB], mail=UTF8)
    assert len(there.taken) == 1
    assert "SMTPUTF8" not in far.said[0]


@live
async def test_a_server_that_can_is_asked_to(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", far := Listening("SMTPUTF8"))
    await here.send(JUERGEN, [RENE], mail=UTF8)
    assert "SMTPUTF8" in far.said[0].split()
    assert [(taken.sender, taken.recipients) for taken in there.taken] == [(JUERGEN, (RENE,))]


@live
async def test_a_domain_alone_beyond_ascii_goes_to_any_server(town: Town) -> None:
    """RFC 6531 §3.2: in A-labels, in the envelope and in the trace."""
    here = await house(town)
    there = town.far(ACE, far := Listening(), hostname=f"mx.{ACE}")
    for domain in (BUECHER, ACE, BUECHER.upper()):
        await here.send(ALICE, [f"bob@{domain}"], b"From: alice@here.example\r\n\r\nx\r\n", mail=UTF8)
    assert [taken.recipients for taken in there.taken] == [(f"bob@{ACE}",)] * 3
    assert all(taken.text.split(b"\r\n\r\n")[0].isascii() for taken in there.taken)
    assert await here.inbox(ALICE) == []
    assert "SMTPUTF8" not in far.said[0]


@live
async def test_a_domain_of_ours_has_two_spellings(town: Town) -> None:
    here = await town.server("mail.here.example", BUECHER, "alice", "jürgen")
    for spelling in (BUECHER, ACE, BUECHER.upper(), ACE.upper()):
        smtp = await here.smtp()
        said = await smtp.send("eva@there.example", [f"alice@{spelling}"], town.letter("", []), UTF8)
        assert said.code == 250
        await smtp.quit()
    assert len(await here.inbox(f"alice@{ACE}")) == 4
    smtp = await here.smtp("submission", f"alice@{ACE}")
    for spelling in (BUECHER, ACE):
        assert (await smtp.ask(f"MAIL FROM:<alice@{spelling}> SMTPUTF8")).code == 250
        assert (await smtp.ask("RSET")).code == 250
    await smtp.quit()


@live
async def test_without_the_parameter_such_an_address_is_refused(town: Town) -> None:
    here = await house(town)
    smtp = await here.smtp("submission", JUERGEN)
    assert (await smtp.ask(f"MAIL FROM:<{JUERGEN}>")).text.startswith("5.6.7")
    assert (await smtp.ask(f"MAIL FROM:<{ALICE}>")).text.startswith("5.7.1")  # it is not his
    await smtp.quit()
    smtp = await here.smtp("submission", ALICE)
    assert (await smtp.ask(f"MAIL FROM:<{ALICE}>")).code == 250
    assert (await smtp.ask(f"RCPT TO:<{RENE}>")).text.startswith("5.6.7")
    assert (await smtp.ask(f"RCPT TO:<bob@{BUECHER}>")).text.startswith("5.6.7")
    await smtp.quit()


@live
async def test_a_refusal_elsewhere_comes_back_in_their_letters(town: Town) -> None:
    here = await house(town)
    town.far("there.example", Listening("SMTPUTF8", refuse="550 5.1.1 René wohnt hier nicht – désolé"))
    await here.send(JUERGEN, [RENE], mail=UTF8 + " RET=FULL")
    (raw,) = await here.inbox(JUERGEN)
    kind, text = told(raw)
    assert kind == "message/global-delivery-status"
    assert "Status: 5.1.1" in text
    assert "désolé" in decodestring(raw).decode("utf-8", "replace")


@live
async def test_the_original_recipient_is_spelled_so_that_any_server_can_read_it(town: Town) -> None:
    """RFC 6533 §3: where SMTPUTF8 cannot be used, each letter beyond ASCII as its number."""
    here = await house(town)
    town.far("there.example", far := Listening())
    await here.alias("team@here.example", BOB)
    await here.send(
        ALICE, ["team@here.example"], mail=UTF8, rcpt=" NOTIFY=FAILURE ORCPT=utf-8;jürgen@bücher.example"
    )
    assert far.said[1].endswith(r" ORCPT=utf-8;j\x{FC}rgen@b\x{FC}cher.example")


@live
async def test_a_notice_that_nobody_can_be_given_is_accounted_for(town: Town) -> None:
    """The sender is beyond ASCII and behind a server that is not able to write to him: no notice about a notice."""
    here = await house(town)
    await here.alias("team@here.example", "eva@elsewhere.example")
    town.far("elsewhere.example", Listening("SMTPUTF8", refuse="550 5.1.1 no"))
    town.far("there.example", Listening())
    smtp = await here.smtp()
    said = await smtp.send(RENE, ["team@here.example"], town.letter("", []), UTF8)
    assert said.code == 250
    await smtp.quit()
    await town.wait("1m")
    balance = await here.balance()
    assert (balance.discarded, balance.bounced, balance.queued_in_queue) == (1, 1, 0)
