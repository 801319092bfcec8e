"""People and servers that bring mail, and people who fetch theirs by POP3: they hold the server to what it said."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from random import Random

from tests.journeys.client import Pop3, Said, Smtp
from tests.simulation.books import Books, Broken, Person, Promise, Terms
from tests.simulation.machine import Machine

NOTIFY = ("",) * 5 + ("NEVER", "FAILURE", "SUCCESS,FAILURE", "SUCCESS", "SUCCESS,FAILURE,DELAY")
HOLDS = (0.0,) * 8 + (60.0, 7200.0)  # seconds, RFC 4865
WITHIN = (math.inf,) * 12 + (300.0, 3600.0, 14_400.0)  # seconds, RFC 2852
SIZES = (0,) * 16 + (300,) * 8 + (2_000,) * 8 + (30_000,) * 3 + (150_000,)  # octets
AFTER_TROUBLE = 90.0  # seconds in which a connection that broke is over for the server, too, so that one client at a time changes things

_FIELD = re.compile(r"^(message-id|in-reply-to): *(\S+)", re.IGNORECASE | re.MULTILINE)


class Refused(Exception):
    """The server said no, which it may while things are going wrong."""


LOST = (
    EOFError,
    OSError,
    AssertionError,
    Refused,
)  # what a client meets when things go wrong; TimeoutError is an OSError


# -- sending -----------------------------------------------------------------------------------------------------------


async def submit(
    books: Books, machine: Machine, sender: str, recipients: Sequence[str], dice: Random
) -> None:
    """One or more letters in one connection: of somebody with an account there, or by another server."""
    at_home = sender in books.people
    try:
        smtp = Smtp(await machine.dial("submission" if at_home else "mx"))
        await smtp.hello(sender if at_home else "")
        for _ in range(dice.choice((1, 1, 1, 2))):
            terms = _terms(dice) if at_home else Terms(dice.choice(NOTIFY))
            letter, octets = books.write(
                sender,
                tuple(recipients),
                machine.domain,
                dice.choice(SIZES),
                eight_bit=dice.random() < 0.3,
                terms=terms,
            )
            began = asyncio.get_running_loop().time()
            said = await smtp.send(sender, recipients, octets, f"{terms.mail} BODY=8BITMIME", terms.rcpt)
            if said.code == 250:
                books.promises.append(Promise(letter, said.recipients, machine, began))
            books.mail["taken" if said.code == 250 else "refused"] += 1
        if dice.random() < 0.8:
            await smtp.quit()
        else:
            await smtp.close()
    except LOST:
        books.mail["unanswered"] += 1


def _terms(dice: Random) -> Terms:
    return Terms(dice.choice(NOTIFY), dice.choice(HOLDS), dice.choice(WITHIN))


async def hand_over(
    books: Books, machine: Machine, sender: str, recipients: Sequence[str], dice: Random
) -> None:
    """A filter in front of the server brings a letter by LMTP, which answers for each recipient (RFC 2033 §4.2)."""
    letter, octets = books.write(
        sender, tuple(recipients), machine.domain, dice.choice(SIZES), eight_bit=dice.random() < 0.3
    )
    try:
        lmtp = Smtp(await machine.dial("lmtp"))
        await lmtp.reply()
        await lmtp.ask("LHLO filter.example")
        began = asyncio.get_running_loop().time()
        taken = await _offered(lmtp, sender, recipients, octets)
        if taken:
            books.promises.append(Promise(letter, tuple(taken), machine, began))
        books.mail["taken by LMTP" if taken else "refused"] += 1
        await lmtp.quit()
    except LOST:
        books.mail["unanswered"] += 1


async def _offered(lmtp: Smtp, sender: str, recipients: Sequence[str], octets: bytes) -> list[str]:
    said: Said = await lmtp.ask(f"MAIL FROM:<{sender}>")
    asked = recipients if said.code == 250 else ()
    named = [name for name in asked if (await lmtp.ask(f"RCPT TO:<{name}>")).code == 250]
    if not named or (await lmtp.ask("DATA")).code != 354:
        return []
    lmtp.stream.write(octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return [recipient for recipient in named if (await lmtp.reply()).code == 250]


# -- reading by POP3 ---------------------------------------------------------------------------------------------------


async def read_by_pop3(books: Books, person: Person, dice: Random) -> None:
    deleted: list[str] = []
    try:
        pop3 = Pop3(await person.machine.dial("pop3"))
        await pop3.log_in(person.address)
        listed = (await pop3.block("UIDL")).decode().splitlines()
        for line in listed:
            number, uidl = line.split()
            id = person.uidls.get(uidl)
            if id is None or dice.random() < 0.1:
                id = await _fetched(books, person, pop3, number, uidl)
            if dice.random() < 0.5:
                await pop3.ask(f"DELE {number}")
                deleted.append(id)
        person.perhaps_removed.update(deleted)
        if dice.random() < 0.05:
            raise EOFError  # it goes without a word, and so removes nothing
        await pop3.ask("QUIT")
    except LOST:
        person.rests_until = asyncio.get_running_loop().time() + AFTER_TROUBLE
        books.events["POP3 failed"] += 1
    else:
        person.perhaps_removed.subtract(deleted)
        person.removed.update(deleted)
        books.events["POP3"] += 1


async def read_everything(books: Books, person: Person) -> None:
    """When all is well: all of it can be read, and is as it was sent. Raises Broken."""
    try:
        pop3 = Pop3(await person.machine.dial("pop3"))
        await pop3.log_in(person.address)
        for line in (await pop3.block("UIDL")).decode().splitlines():
            number, uidl = line.split()
            await _fetched(books, person, pop3, number, uidl)
        await pop3.ask("QUIT")
        await pop3.close()
    except LOST as error:
        raise Broken("rest", f"{person.address} cannot read, though all is well: {error!r}") from error


async def _fetched(books: Books, person: Person, pop3: Pop3, number: str, uidl: str) -> str:
    """The Message-ID of what was read, which must be his, unchanged, and what went by this name before."""
    raw = await pop3.block(f"RETR {number}")
    header, _, _ = raw.partition(b"\r\n\r\n")
    found = seen(books, person, header.decode("utf-8", "replace"))
    books.check(raw)
    if (known := person.uidls.setdefault(uidl, found)) != found:
        raise Broken("UIDs", f"UIDL {uidl} of {person.address} was {known} and is {found}")
    return found


def seen(books: Books, person: Person, header: str) -> str:
    fields: dict[str, str] = {name.lower(): value for name, value in _FIELD.findall(header)}
    id = fields.get("message-id", "")
    if not books.may_see(person, id, fields.get("in-reply-to", "")):
        raise Broken("secrecy", f"{person.address} was shown {id}")
    return id
