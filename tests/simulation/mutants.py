"""The server, broken on purpose: each mutant is other text in one or two places of one module, and the law that must say so.

    python -m tests.simulation.mutants                   # the table: which seed shows which, and by which law
    python -m tests.simulation.mutants claim-of-the-taken    # that one, with the seeds that always run

A mutant is put in place before its module is imported, so each runs in a process of its own.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType

FIXED = (4, 6, 12, 20, 22, 25, 29, 32)  # the seeds that always run
PATIENCE = 240.0  # seconds for all of them


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    module: str  # below `correo`
    changes: tuple[tuple[str, str], ...]  # what stands there once, and what stands there instead
    laws: frozenset[str]  # those that may find it first


def _mutant(name: str, module: str, old: str, new: str, *laws: str) -> Mutant:
    return Mutant(name, module, ((old, new),), frozenset(laws))


MUTANTS = (
    # -- storage
    _mutant(
        "commits-not-synced",
        "storage.db.sqlite",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        "promised",
        "UIDs",
        "kept",
    ),
    _mutant(
        "every-write-a-note",
        "storage.db.sqlite",
        "durable = self._notes is None or self._notes.are_many or any(waiting.durable for waiting in batch)",
        "durable = self._notes is None or self._notes.are_many",
        "promised",
        "UIDs",
        "kept",
    ),
    _mutant(
        "refused-work-stays",
        "storage.db.sqlite",
        'execute("ROLLBACK TO op")',
        "pass",
        "books",
        "one end",
        "kept",
    ),
    # -- queue
    _mutant(
        "claim-of-the-taken",
        "queue.claim",
        "WHERE state || '' = $4 AND next_try + 0 <= $5 AND id IN (\n  SELECT id FROM (\n"
        "    SELECT id, rank, row_number() OVER (PARTITION BY destination ORDER BY rank, id) AS turn FROM (\n"
        "      SELECT id, next_try + behind AS rank, destination FROM queue_recipient\n      WHERE state = $4",
        "WHERE state IN ($4, 'active') AND next_try + 0 <= $5 AND id IN (\n  SELECT id FROM (\n"
        "    SELECT id, rank, row_number() OVER (PARTITION BY destination ORDER BY rank, id) AS turn FROM (\n"
        "      SELECT id, next_try + behind AS rank, destination FROM queue_recipient\n"
        "      WHERE state IN ($4, 'active')",
        "once",
    ),
    _mutant(
        "leases-never-lapse",
        "queue.claim",
        "WHERE state = $2 AND lease_until <= $3",
        "WHERE state = $2 AND lease_until <= $3 - 1000000000000000",
        "rest",
    ),
    _mutant(
        "settled-without-the-lease",
        "queue.settle",
        '"DELETE FROM queue_recipient WHERE id = $1 AND state = $2 AND lease = $3"',
        '"DELETE FROM queue_recipient WHERE id = $1 AND $2 <> $3"',
        "once",
        "one end",
        "books",
        "quiet",
    ),
    _mutant(
        "gone-before-the-last-recipient",
        "queue.settle",
        "if row is None or row[0] > 0:",
        "if row is None or row[0] > 1:",
        "books",
        "quiet",
    ),
    _mutant(
        "held-mail-goes-at-once",
        "queue.enqueue",
        "if terms.hold_until > now:",
        "if terms.hold_until < 0:",
        "in time",
    ),
    # -- delivery
    _mutant(
        "failures-told-to-nobody",
        "transport.settling",
        "wanted = [what for recipient, what in failures if recipient.wishes.wants(Notify.FAILURE)]",
        "wanted = []",
        "told",
    ),
    _mutant(
        "never-is-not-heard",
        "transport.settling",
        "wanted = [what for recipient, what in failures if recipient.wishes.wants(Notify.FAILURE)]",
        "wanted = [what for recipient, what in failures]",
        "told",
    ),
    _mutant(
        "success-is-not-told",
        "transport.settling",
        "    if successes:\n",
        "    if not successes:\n        pass\n    elif message.id < 0:\n",
        "told",
    ),
    _mutant(
        "everybody-twice",
        "delivery.sorting",
        "if account_id in sorting.accounts:",
        "if account_id < 0:",
        "books",
        "once",
        "quiet",
        "kept",
    ),
    _mutant(
        "notes-of-one-warning-forgotten",
        "transport.settling",
        "warned=recipient.warned or warning,",
        "warned=False,",
        "told",
    ),
    _mutant(
        "never-given-up",
        "transport.settling",
        "case Deferred() if now < policy.gives_up(recipient):",
        "case Deferred():",
        "rest",
        "in time",
    ),
    _mutant(
        "taken-back-while-it-is-sent",
        "delivery.outbox",
        "        if await queue.is_under_way(tx, one.source):\n            removed.under_way",
        "        if one.source < 0:\n            removed.under_way",
        "books",
        "once",
        "one end",
        "told",
        "quiet",
        "UIDs",
    ),
    _mutant(
        "nobody-is-woken",
        "delivery.notify",
        "bus.publish(QUEUE)",
        "bus.publish(QUEUE) if accepted.queued > 5 else None",
        "rest",
    ),
    _mutant(
        "two-keep-house",
        "transport.leases",
        'self.owner = f"{self._number:016x}"',
        'self.owner = "worker"',
        "once",
        "one end",
        "books",
        "quiet",
    ),
    # -- transport
    _mutant(
        "later-taken-for-yes",
        "transport.connection",
        "        if status.ok:",
        "        if not status.permanent:",
        "told",
        "promised",
    ),
    _mutant(
        "dots-not-doubled",
        "wire.smtp.stuffing",
        'piece.replace(b"\\r\\n.", b"\\r\\n..")',
        "piece",
        "unchanged",
        "told",
        "quiet",
        "once",
    ),
    # -- mailbox
    _mutant(
        "uids-given-again",
        "mailbox.counting",
        '_ADJUST = """UPDATE mailbox_mailbox SET modseq = $2,',
        '_ADJUST = """UPDATE mailbox_mailbox SET modseq = $2, uidnext = (SELECT ifnull(max(m.uid), 0) + 1'
        " FROM mailbox_message AS m WHERE m.mailbox_id = $1),",
        "UIDs",
        "books",
    ),
    _mutant(
        "flags-without-modseq",
        "mailbox.flagging",
        "keywords = $5, modseq = $6",
        "keywords = $5, modseq = max(modseq, $6 - $6)",
        "UIDs",
    ),
    _mutant(
        "expunged-and-not-noted",
        "mailbox.expunging",
        "    await note(tx, account_id, modseq, mailbox_id, What.EXPUNGE, gone, now)",
        "    pass",
        "UIDs",
    ),
    _mutant(
        "moved-and-still-there",
        "mailbox.copying",
        "    if remove:\n        left",
        "    if within:\n        await charge(tx, account_id, count)\n    if False:\n        left",
        "kept",
        "UIDs",
    ),
    _mutant(
        "size-never-shrinks",
        "mailbox.quota",
        "size = size + $3\n",
        "size = size + max($3, 0)\n",
        "books",
    ),
    _mutant(
        "freed-while-it-waits",
        "mailbox.collecting",
        "AND NOT EXISTS (SELECT 1 FROM queue_message AS q WHERE q.content_id = mailbox_content.id)\n",
        "",
        "books",
        "quiet",
        "one end",
        "told",
    ),
    _mutant(
        "room-without-end",
        "mailbox.quota",
        "return most is not None and has > most",
        "return has < 0",
        "room",
    ),
    _mutant(
        "rights-not-asked",
        "access.imap.places",
        "if place is not None and not place.rights.issuperset(needed):",
        'if place is not None and needed != "r" and not place.rights.issuperset(needed):',
        "secrecy",
        "quiet",
    ),
    _mutant(
        "withdrawn-and-still-open",
        "access.imap.rights",
        "    return with_office(access, await mailbox.rights(tx, access.mailbox_id, access.who))",
        "    return ALL_RIGHTS",
        "secrecy",
    ),
    # -- access
    _mutant(
        "pop3-removes-the-neighbour",
        "access.pop3.maildrop",
        "uidset.of(self._uids[number - 1] for number in sorted(self.deleted))",
        "uidset.of(sorted({self._uids[number - 2] for number in self.deleted}))",
        "kept",
    ),
    _mutant(
        "pop3-removes-before-quit",
        "access.pop3.commands.uidl",
        "    maildrop = session.drop\n",
        "    maildrop = session.drop\n    from correo.access.pop3.commands import quit_\n"
        "    maildrop.deleted.add(1) if len(maildrop) else None\n"
        "    await session.services.db.bulk(quit_.update, maildrop, 0, session.services.chance, session.services.clock.now())\n"
        "    maildrop.deleted.clear()\n",
        "kept",
        "UIDs",
    ),
    _mutant(
        "pop3-shows-the-neighbour",
        "access.pop3.maildrop",
        "self._contents[number - 1], self._sizes",
        "self._contents[number - 2], self._sizes",
        "UIDs",
        "kept",
    ),
)
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


class _Breaking(importlib.abc.MetaPathFinder):
    """Loads one module with other text."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != f"correo.{self._mutant.module}":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.origin is not None
        loader = _Loader(name, spec.origin, self._mutant)
        return importlib.util.spec_from_file_location(name, spec.origin, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        for old, new in self._mutant.changes:
            if text.count(old) != 1:
                sys.exit(f"{self._mutant.name}: {old!r} stands {text.count(old)} times in {self.path}")
            text = text.replace(old, new)
        return compile(text, self.path, "exec", dont_inherit=True)


def judged(name: str, seeds: Sequence[int] = FIXED) -> str:
    """The law by which the first of the seeds finds the mutant, "" for none of them; with the seed and the words."""
    words = [sys.executable, "-m", "tests.simulation.mutants", name, *map(str, seeds)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def _judge(mutant: Mutant, seeds: Sequence[int]) -> str:
    sys.meta_path.insert(0, _Breaking(mutant))
    from tests.simulation.books import Broken
    from tests.simulation.run import simulate
    from tests.simulation.world import Plan

    for seed in seeds:
        try:
            simulate(Plan(seed))
        except Broken as broken:
            return f"{broken.law}: seed {seed}: {broken.words[:300]}"
    return ""


def main(words: Sequence[str]) -> int:
    if words:
        print(_judge(BY_NAME[words[0]], [int(word) for word in words[1:]] or FIXED))
        return 0
    for mutant in MUTANTS:
        print(f"{mutant.name:32} {judged(mutant.name) or 'SURVIVES'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
