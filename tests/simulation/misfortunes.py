"""What befalls the machines of a world, and what their operators do to them, by dice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from tests.journeys.town import Town
from tests.simulation.coverage import queue_states
from tests.simulation.laws import Court
from tests.simulation.machine import Machine, Seat, Trouble
from tests.simulation.neighbours import DEAD, MOODY, NEAR, OUTSIDE
from tests.simulation.weather import WeatherNetwork

from correo.mail.errors import Refused
from correo.mail.instant import SECOND
from correo.queue import Selection
from correo.queue.states import State

WRITES = 400  # at most, until the power fails
GLANCES = 120  # seconds for which a moment is waited for
TURNS = 600  # of the loop at most, until a process is killed: a burst of letters takes about as many


class Misfortunes:
    """Each method is one of them, and lasts as long as it does. A machine has one at a time."""

    def __init__(self, dice: Random, town: Town, network: WeatherNetwork, court: Court) -> None:
        self.dice = dice
        self.town = town
        self.network = network
        self.court = court
        self.machines = court.machines

    # -- what befalls machines -----------------------------------------------------------------------------------------

    async def kill(self) -> None:
        """Somewhere in the middle of a burst: one process, or all."""
        if machine := self._victim():
            await self._ripen(machine)
            if len(machine.alive) > 1 and self.dice.random() < 0.6:
                await machine.met("one of several killed")
                await machine.kill_one(self.dice.choice(machine.alive))
                machine.upset = False
                await self.court.examine(machine)
            else:
                await machine.met("killed")
                await self._die(machine, power=False)

    async def cut_power(self) -> None:
        """At some turn of the loop, or at some write to the disk."""
        machine = self._victim()
        if machine is None:
            return
        if self.dice.random() < 0.4:
            await self._ripen(machine)
            await machine.met("power cut at a turn")
            await self._die(machine, power=True)
        else:
            machine.disk.fuse = self.dice.randint(0, WRITES)
            machine.upset = False

    async def after_power(self, machine: Machine) -> None:
        """It has failed at a write."""
        machine.upset = True
        await machine.met("power cut at a write")
        await self._die(machine, power=True)

    async def _ripen(self, machine: Machine) -> None:
        """Wait for a moment: some turns of the loop, or until something is on its way to another server."""
        if self.dice.random() < 0.4:
            for _ in range(GLANCES):
                if State.ACTIVE.value in await machine.db.read(queue_states):
                    break
                await asyncio.sleep(1.0)
        else:
            await self._some_turns()

    async def _some_turns(self) -> None:
        for _ in range(self.dice.randint(0, TURNS)):
            await asyncio.sleep(0)

    async def _die(self, machine: Machine, *, power: bool) -> None:
        await machine.die(self.dice, power=power)
        await asyncio.sleep(self.dice.choice((0.1, 5, 60, 900, 3600)))
        await self._start(machine)
        await self.court.examine(machine)

    async def stop(self) -> None:
        if machine := self._victim():
            if self.dice.random() < 0.4:
                await self._ripen(machine)
                await machine.met("process replaced")
                await machine.stop_one(self.dice.choice(machine.alive))
                machine.upset = False
                return
            await machine.met("stopped")
            await machine.stop()
            await asyncio.sleep(self.dice.choice((0.1, 5, 60, 900)))
            await self._start(machine)

    async def _start(self, machine: Machine) -> None:
        await machine.start()
        machine.upset = False

    def _victim(self) -> Machine | None:
        """A machine that runs, and to which nothing else is being done."""
        machine = self.dice.choice(list(self.machines.values()))
        if machine.upset or not machine.running or machine.disk.fuse is not None:
            return None
        machine.upset = True
        return machine

    async def trouble_disk(self) -> None:
        machine = self._victim()
        if machine is None:
            return
        disk = machine.disk
        what = self.dice.choice(("full", "broken", "flaky"))
        await machine.met(f"disk {what}")
        began = asyncio.get_running_loop().time()
        setattr(disk, what, True)
        await asyncio.sleep(self.dice.choice((1, 60, 900, 3600) if what == "full" else (1, 10, 60, 120)))
        dies = self.dice.random()
        if dies < 0.4:
            await machine.met("died with its disk in trouble")
            await machine.die(self.dice, power=dies < 0.2)
        setattr(disk, what, False)
        if dies < 0.4:
            await machine.start()
            await self.court.examine(machine)
        await asyncio.sleep(10)
        machine.troubles.append(Trouble(began, asyncio.get_running_loop().time()))
        machine.upset = False

    async def set_clock(self) -> None:
        if machine := self._victim():
            await machine.met("clock set")
            await self.court.harvest(machine)
            seconds = self.dice.choice((-3600, -60, -1, 1, 60, 3600, 7200))
            machine.clock.jump(seconds * SECOND)
            machine.upset = False

    async def silence(self) -> None:
        address = self.dice.choice([machine.address for machine in self.machines.values()])
        self.network.faults["silent host"] += 1
        self.network.silent.add(address)
        await asyncio.sleep(self.dice.choice((60, 900, 3600)))
        self.network.silent.discard(address)

    async def spoil_dns(self) -> None:
        domain = self.dice.choice([*self.machines, *self.court.neighbours])
        self.network.faults["DNS down"] += 1
        self.town.zone.fail(domain)
        await asyncio.sleep(self.dice.choice((60, 900, 3600)))
        self.town.zone.heal(domain)

    # -- operators -----------------------------------------------------------------------------------------------------

    async def meddle(self) -> None:
        machine = self.dice.choice(list(self.machines.values()))
        sender = self.dice.choice([*self.court.books.people, *OUTSIDE])
        destination = self.dice.choice([*self.machines, MOODY, DEAD])
        # Never of nobody: where notices are deleted, nobody can say whether they were made.
        of_sender = Selection(sender=sender)
        to_domain = Selection(destination=destination)
        deeds: list[Callable[[], Coroutine[Any, Any, int]]] = [
            lambda: seat.hold(to_domain),
            lambda: seat.release(to_domain),
            lambda: seat.release(Selection()),
            lambda: seat.retry(to_domain),
            lambda: seat.retry(Selection()),
            lambda: seat.withdraw(of_sender),
            lambda: self._delete(seat, sender),
            lambda: seat.reroute(of_sender, f"smtp:mx.{self.dice.choice([*self.machines, NEAR])}"),
        ]
        if machine.running:
            seat = self.dice.choice(machine.alive)
            await self._operate(seat, self.dice.choice(deeds))

    async def _delete(self, seat: Seat, sender: str) -> int:
        self.court.books.deleted.add(sender)
        return await seat.delete(Selection(sender=sender))

    async def _operate(self, seat: Seat, deed: Callable[[], Coroutine[Any, Any, int]]) -> None:
        self.court.books.events["operated"] += 1
        try:
            await seat.process.run(deed())
        except (Refused, asyncio.CancelledError):
            self.court.books.events["operating failed"] += 1
