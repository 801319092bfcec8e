"""Letters that came while nobody was there: taken from the spool and handed to a session of our own, as their owners would have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from correo.clock import Clock
from correo.mail.instant import DAY
from correo.mail.status import Status
from correo.net import Session
from correo.ops import spool
from correo.ops.spool import Found
from correo.wire import NEED_DATA
from correo.wire.smtp.letter import Letter, Outcome, Step, Verdict, dialog
from correo.wire.smtp.reply import NotSmtp, Reply, ReplyReader

log = structlog.get_logger("correo")

GLANCE = 10.0  # seconds between looks
MAX_AGE = 5 * DAY  # of a letter that cannot be taken now, as long as others are tried (RFC 5321 §4.5.4.1)
SHOWN = 10  # recipients named in the log

Sessions = Callable[[int], Session]  # of SMTP, for the user of this uid
SendBack = Callable[
    [Found, Outcome], Awaitable[bool]
]  # whether whoever wrote a letter is told that it was not sent

_SILENCE = Outcome(Verdict.LATER, Step.HELLO, Status(451, "4.3.0", "the session ended early"))


@dataclass(slots=True)
class Pickup:
    folder: Path
    max_size: int  # octets of a message
    sessions: Sessions
    send_back: SendBack
    clock: Clock
    # Letters that were handed over and could not be removed: they must not be handed over again at each look.
    taken: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """A duty of the server, which never ends."""
        if not await self._prepared():
            await asyncio.Event().wait()
        while True:
            try:
                await self.look(self.clock.now())
            except OSError as error:
                log.error("the spool cannot be read", folder=str(self.folder), reason=str(error))
            await asyncio.sleep(GLANCE)

    async def _prepared(self) -> bool:
        try:
            await asyncio.to_thread(spool.prepare, self.folder)
            await asyncio.to_thread(spool.clean, self.folder, self.clock.now())
        except OSError as error:
            how = "make it, and give it to the server's user"
            log.error("the spool cannot be used", folder=str(self.folder), reason=str(error), hint=how)
            return False
        return True

    async def look(self, now: int) -> None:
        """Hand over what waits. What is refused, or was put off for too long, goes back, or is set aside. Raises OSError."""
        names = await asyncio.to_thread(spool.waiting, self.folder)
        self.taken.intersection_update(names)
        for name in names:
            try:
                if name not in self.taken:
                    await self._hand_over(name, now)
                if name in self.taken:
                    spool.remove(self.folder, name)
                    self.taken.discard(name)
            except FileNotFoundError:
                continue  # its owner took it back
            except OSError as error:  # the others must not wait for this one
                log.error("a letter in the spool cannot be handled", name=name, reason=str(error))

    async def _hand_over(self, name: str, now: int) -> None:
        """Raises OSError."""
        try:
            found = await asyncio.to_thread(spool.take, self.folder, name, self.max_size)
        except spool.BadLetter as wrong:
            log.error("a letter in the spool was set aside", name=name, reason=str(wrong))
            spool.set_aside(self.folder, name)
            return
        outcome = await play(self.sessions(found.uid), found.letter)
        if outcome.verdict is Verdict.TAKEN:
            self.taken.add(name)
            return
        facts = {
            "name": name,
            "uid": found.uid,
            "reason": str(outcome.status),
            "refused": outcome.refused[:SHOWN],
        }
        if outcome.verdict is Verdict.LATER and now - found.written < MAX_AGE:
            log.warning("a letter in the spool has to wait", **facts)
            return
        # Set aside first, so that it goes back once, wherever this is interrupted.
        spool.set_aside(self.folder, name)
        if await self.send_back(found, outcome):
            spool.remove(self.folder / spool.ASIDE, name)
            log.warning("a letter in the spool was refused and sent back", **facts)
        else:
            log.error("a letter in the spool was refused and set aside", **facts)


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
