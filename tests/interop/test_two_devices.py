"""Two devices with mbsync and a program that works on the server change the same folders in turns, and end with the same.

Which changes there are is thrown by dice with a fixed seed. Nobody knows what the others did since he last looked.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.interop.devices import FLAGS, Device, Tree, plainly, tree
from tests.interop.serving import Correo, letter

PROGRAMS = ("mbsync",)
ROUNDS = 4
CHANGES = 8  # by each in a round
NAMES = ("INBOX", "Archive", "Arbeit", "Arbeit/Été", "Работа/Срочно", "中文", "R&D/a b")
SOME_FLAGS = ("", "S", "F", "FS", "RS", "PRS", "D")


class Story:
    """Who did what to which message, to be compared with what is left at the end."""

    def __init__(self) -> None:
        self.added: set[str] = set()
        self.removed: set[str] = set()
        self.moved: dict[str, int] = {}

    def new(self) -> str:
        name = f"letter {len(self.added)}"
        self.added.add(name)
        return name

    def holds(self, found: Tree) -> None:
        """Nothing is lost that nobody removed, nothing is left that was removed and not moved at the same time, and
        nothing is there twice but what two moved at once."""
        kept = [name for messages in found.values() for name, _ in messages]
        assert self.added - self.removed <= set(kept)
        assert not (self.removed - self.moved.keys()) & set(kept)
        assert set(kept) <= self.added
        assert all(kept.count(name) <= 1 + self.moved.get(name, 0) for name in kept)


class OnDevice:
    """Changes a device's own copy, which then synchronises."""

    def __init__(self, device: Device, story: Story, dice: Random) -> None:
        self._device, self._story, self._dice = device, story, dice

    def work(self) -> None:
        for _ in range(CHANGES):
            self._change()
        self._device.sync()

    def _change(self) -> None:
        device, dice = self._device, self._dice
        there = device.tree()
        full = sorted(folder for folder, messages in there.items() if messages)
        empty = sorted(set(there) & set(NAMES[2:]) - set(full))
        kind = dice.random()
        if kind < 0.3 or not full:
            device.add(dice.choice(NAMES), self._story.new(), dice.choice(SOME_FLAGS))
            return
        if kind < 0.36 and empty:
            device.delete(dice.choice(empty))
            return
        folder = dice.choice(full)
        name, _ = dice.choice(there[folder])
        if kind < 0.65:
            device.flag(folder, name, dice.choice(SOME_FLAGS))
        elif kind < 0.85:
            target = dice.choice([one for one in NAMES if one != folder])
            device.move(folder, name, target)
            self._story.moved[name] = self._story.moved.get(name, 0) + 1
        else:
            device.remove(folder, name)
            self._story.removed.add(name)


class OnServer:
    """Changes the account itself."""

    def __init__(self, correo: Correo, story: Story, dice: Random) -> None:
        self._correo, self._story, self._dice = correo, story, dice

    def work(self) -> None:
        dice = self._dice
        with plainly(self._correo) as box:
            there = {folder.name for folder in box.folder.list()}
            for name in dice.sample(NAMES, 3):
                if name not in there:
                    box.folder.create(name)
                flags = [FLAGS[letter] for letter in dice.choice(SOME_FLAGS)]
                box.append(letter(self._story.new()), name, flag_set=flags)
                box.folder.set(name)
                found = {message.uid or "": message.subject for message in box.fetch(mark_seen=False)}
                uids = sorted(found, key=int)
                flagged, moved, removed = (dice.sample(uids, min(len(uids), count)) for count in (4, 2, 1))
                box.flag(flagged, FLAGS[dice.choice("FRSP")], dice.random() < 0.7)
                target = dice.choice([one for one in ("INBOX", "Archive") if one != name])
                box.move(moved, target)
                box.delete(gone := [uid for uid in removed if uid not in moved])
                for uid in moved:
                    self._story.moved[found[uid]] = self._story.moved.get(found[uid], 0) + 1
                self._story.removed |= {found[uid] for uid in gone}


@pytest.mark.parametrize("seed", [1, 2])
def test_all_end_with_the_same(correo: Correo, authority: Path, tmp_path: Path, seed: int) -> None:
    dice, story = Random(seed), Story()
    laptop, phone = (Device(correo, authority, tmp_path / name) for name in ("laptop", "phone"))
    workers: list[OnDevice | OnServer] = [
        OnDevice(laptop, story, dice),
        OnDevice(phone, story, dice),
        OnServer(correo, story, dice),
    ]
    for device in (laptop, phone):
        device.sync()
    for _ in range(ROUNDS):
        for worker in dice.sample(workers, 3):
            worker.work()
    for device in (laptop, phone, laptop, phone):
        device.sync()
    on_server = tree(correo)
    assert laptop.tree() == phone.tree() == on_server
    assert sum(map(len, on_server.values())) > 20
    story.holds(on_server)
