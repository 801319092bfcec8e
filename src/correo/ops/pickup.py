"""Letters that came while nobody was there: taken from the spool and handed to a session of our own, as their owners would have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from correo.clock import Clock
from correo.mail.instant import DAY
from correo.mail.status import Status
from correo.net import Session
from correo.ops import spool
from correo.wire import NEED_DATA
from correo.wire.smtp.letter import Letter, Outcome, Step, Verdict, dialog
from correo.wire.smtp.reply import NotSmtp, Reply, ReplyReader

log = structlog.get_logger("correo")

GLANCE = 10.0  # seconds between looks
MAX_AGE = 5 * DAY  # of a letter that cannot be taken now, as long as others are tried (RFC 5321 §4.5.4.1)
SHOWN = 10  # recipients named in the log

Sessions = Callable[[int], Session]  # of SMTP, for the user of this uid

_SILENCE = Outcome(Verdict.LATER, Step.HELLO, Status(451, "4.3.0", "the session ended early"))


async def pick_up(folder: Path, max_size: int, sessions: Sessions, clock: Clock) -> None:
    """A duty of the server, which never ends. `max_size`: octets of a message."""
    if not await _prepared(folder, clock.now()):
        await asyncio.Event().wait()
    while True:
        try:
            await look(folder, max_size, sessions, clock.now())
        except OSError as error:
            log.error("the spool cannot be read", folder=str(folder), reason=str(error))
        await asyncio.sleep(GLANCE)


async def _prepared(folder: Path, now: int) -> bool:
    try:
        await asyncio.to_thread(spool.prepare, folder)
        await asyncio.to_thread(spool.clean, folder, now)
    except OSError as error:
        how = "make it, and give it to the server's user"
        log.error("the spool cannot be used", folder=str(folder), reason=str(error), hint=how)
        return False
    return True


async def look(folder: Path, max_size: int, sessions: Sessions, now: int) -> None:
    """Hand over what waits. What is refused, or was put off for too long, is set aside. Raises OSError."""
    for name in await asyncio.to_thread(spool.waiting, folder):
        try:
            await _hand_over(folder, name, max_size, sessions, now)
        except FileNotFoundError:
            continue  # its owner took it back
        except OSError as error:  # the others must not wait for this one
            log.error("a letter in the spool cannot be handled", name=name, reason=str(error))


async def _hand_over(folder: Path, name: str, max_size: int, sessions: Sessions, now: int) -> None:
    """Raises OSError."""
    try:
        found = await asyncio.to_thread(spool.take, folder, name, max_size)
    except spool.BadLetter as wrong:
        log.error("a letter in the spool was set aside", name=name, reason=str(wrong))
        spool.set_aside(folder, name)
        return
    outcome = await play(sessions(found.uid), found.letter)
    if outcome.verdict is Verdict.TAKEN:
        spool.remove(folder, name)
        return
    facts = {
        "name": name,
        "uid": found.uid,
        "reason": str(outcome.status),
        "refused": outcome.refused[:SHOWN],
    }
    if outcome.verdict is Verdict.LATER and now - found.written < MAX_AGE:
        log.warning("a letter in the spool has to wait", **facts)
    else:
        log.error("a letter in the spool was refused and set aside", **facts)
        spool.set_aside(folder, name)


async def play(session: Session, letter: Letter) -> Outcome:
    """The whole dialog with a session that has no connection."""
    talk, reader = dialog(letter), ReplyReader()
    next(talk)
    try:
        await session.greet()
        while (reply := await _reply(session, reader)) is not None:
            session.core.receive(talk.send(reply))
        return _SILENCE
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    except Exception as fault:
        log.error("a letter in the spool met a fault", exc_info=fault)
        return _SILENCE
    finally:
        await session.ended()


async def _reply(session: Session, reader: ReplyReader) -> Reply | None:
    """Let the session answer what it was given; None where it says nothing."""

    async def flush() -> None:
        reader.feed(session.core.take_output())

    while not session.core.closed and (event := session.core.next_event()) is not NEED_DATA:
        await session.handle(event, flush)
        await flush()
    await flush()
    reply = reader.next()
    return None if isinstance(reply, NotSmtp) else reply
