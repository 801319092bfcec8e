"""The leases of one worker: under which name it claims, and what becomes of those of workers that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from correo import queue
from correo.clock import Chance, Clock
from correo.mail.errors import Refused
from correo.mail.instant import MINUTE
from correo.queue import QueuedRecipient
from correo.storage.db import Database
from correo.storage.holds import Holds

LEASE = 5 * MINUTE  # how long after a crash its recipients wait, where nobody can see that it happened
RENEW_SECONDS = 60.0  # well below: a lease must not end while its worker is merely slow
# Rounds for which the leases of a worker that lives may have ended before they are taken back: the clock may have been set on, or
# the disk been full, and then it prolongs them within the next. If it does not, it hangs.
SPARED = 2

log = structlog.get_logger("transport")


class Leases:
    """`holds`: by which processes on one machine see who of them is alive. `claims`: it is the worker that looks after the others'."""

    def __init__(
        self, db: Database, clock: Clock, chance: Chance, holds: Holds | None, *, claims: bool
    ) -> None:
        self._db = db
        self._clock = clock
        self._holds = holds
        self._claims = claims
        self._rounds = self._followed = (
            0  # the first since the file of `holds` was seen to be another, as the second says
        )
        self._late: dict[str, int] = {}  # who lives, and for how many rounds some lease of theirs has ended
        self._number = int.from_bytes(chance.secret(8)) >> 2  # such numbers can be held
        self.owner = f"{self._number:016x}"
        if holds:
            holds.take(self._number)

    def until(self, now: int) -> int:
        return now + LEASE

    async def keep(self, held: Callable[[], Sequence[QueuedRecipient]], due: Callable[[], None]) -> None:
        """Prolong those that are `held`, and take back those of workers that are gone, for ever. `due` is called where something is due by that."""
        looks = True  # at the beginning everybody does: it may be in the place of one that has just died
        while True:
            try:
                self._see_holds()
                if own := held():
                    await self._db.note(queue.renew, own, self.until(self._clock.now()))
                if looks and await self._take_over():
                    due()
            except (Refused, OSError) as refused:  # a full disk, for example
                log.warning("renewing leases failed", reason=str(refused))
            except Exception:
                log.exception("renewing leases failed")
            looks = self._claims
            await asyncio.sleep(RENEW_SECONDS)

    async def give_back(self) -> bool:
        """At the end; whether something is due by that."""
        try:
            return await self._db.note(queue.give_back, self.owner) > 0
        except Refused as refused:
            log.warning("giving back leases failed", reason=str(refused))
            return False
        finally:
            if self._holds:
                self._holds.give(self._number)

    def _see_holds(self) -> None:
        """Stay where others see that we live. Raises OSError."""
        if self._holds is None:
            return
        if self._holds.follow():
            log.error("the file that says whose leases are those of the dead was removed; it is there again")
        if self._followed != self._holds.followed:  # another worker of this process may have seen it first
            self._rounds, self._followed = 0, self._holds.followed
        self._rounds += 1
        if self._rounds > SPARED:  # so everybody has come by here since that file was made
            self._holds.settle()

    async def _take_over(self) -> int:
        """Take back what nobody is at any more. How many."""
        found, late, now = 0, dict[str, int](), self._clock.now()
        leases = await self._db.read(queue.owners)
        for owner, until in leases.items():
            lives = True if owner == self.owner else self._lives(owner)
            if lives is False:
                found += await self._bury(owner)
            elif lives and until <= now:
                late[owner] = self._late.get(owner, 0) + 1
        ended = any(until <= now for until in leases.values())
        if self._claims and ended:  # an idle server writes nothing
            spared = [owner for owner, rounds in late.items() if rounds <= SPARED]
            found += await self._db.note(queue.recover, now, spared)
        self._late = late  # a round in which nobody can write is none: it does not come this far
        return found

    def _lives(self, owner: str) -> bool | None:
        """Whether that worker of this machine does. None: nobody can see that. Of one that is dead we hold what it held."""
        number = _number(owner)
        if self._holds is None or number is None:
            return None
        if not self._holds.take(number):
            return True
        if self._holds.in_doubt():
            self._holds.give(number)
            return None
        return False

    async def _bury(self, owner: str) -> int:
        """Take back at once what would lapse. How many."""
        try:
            count = await self._db.note(queue.give_back, owner)
            log.info("took over from a worker that is gone", recipients=count)
            return count
        finally:
            if self._holds and (number := _number(owner)) is not None:
                self._holds.give(number)


def _number(owner: str) -> int | None:
    """None for a name that is none of ours."""
    try:
        number = int(owner, 16)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 62 else None
