"""Which messages belong together: the algorithms of THREAD (RFC 5256 §3), over values, without a look at a mailbox.

In come the messages of one search in the order of the mailbox, out go trees: of a `Thread` without a number only that it is the
parent of its children is known. Time grows with the number of messages and of their references but for the sorting; nothing
recurs, whoever refers to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_REFERENCES = 200  # of one message that are looked at: the first, which is the root, and the last
# Steps up a thread, of one call, that are made to see whether a link would close a ring; a mailbox without malice makes some
# thousands. When they are used up, no link is made that would need more.
MAX_STEPS = 5_000_000


class Threaded(NamedTuple):
    number: int
    sent: int
    subject: str = ""  # the base subject, folded by `casemap`
    reply: bool = False  # see `BaseSubject`
    message_id: str = ""  # as `message.ancestry` gives them
    references: Sequence[str] = ()


@dataclass(slots=True, eq=False)
class Thread:
    message: Threaded | None
    children: list[Thread] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, int]:
        """By the sent date, and by the order of the mailbox; a dummy stands where its first child would (step 6)."""
        message = self.message or self.children[0].message
        assert message is not None, "dummies stand at the root alone, and have children"
        return message.sent, message.number

    @property
    def subject(self) -> tuple[str, bool]:
        message = self.message or self.children[0].message
        assert message is not None
        return message.subject, message.reply


# -- the algorithms -----------------------------------------------------------------------------------------------


def ordered_subject(messages: Sequence[Threaded]) -> list[Thread]:
    """ORDEREDSUBJECT: one thread for each subject, and never a grandchild."""
    found: dict[str, list[Threaded]] = {}
    for message in sorted(messages, key=lambda message: (message.sent, message.number)):
        found.setdefault(message.subject, []).append(message)
    return [Thread(first, [Thread(other) for other in others]) for first, *others in found.values()]


def references(messages: Sequence[Threaded]) -> list[Thread]:
    """REFERENCES: by what replies to what, and at the root by subject."""
    roots = _forest(messages)
    _sort(roots)
    roots = _by_subject(roots)
    _sort(roots)
    return roots


def refs(messages: Sequence[Threaded]) -> list[Thread]:
    """REFS: by what replies to what alone; the thread in which something was sent last comes last."""
    roots = _forest(messages)
    _sort(roots)
    roots.sort(key=_latest)
    return roots


ALGORITHMS: dict[str, Callable[[Sequence[Threaded]], list[Thread]]] = {
    "ORDEREDSUBJECT": ordered_subject,
    "REFERENCES": references,
    "REFS": refs,
}


# -- the steps of REFERENCES --------------------------------------------------------------------------------------


class _Links:
    """Step 1: who is whose parent, by index; -1 for nobody."""

    def __init__(self) -> None:
        self.messages: list[Threaded | None] = []
        self.parent: list[int] = []
        self.children: list[int] = []  # how many
        self._by_id: dict[str, int] = {}
        self._steps = MAX_STEPS

    def add(self, message: Threaded | None) -> int:
        self.messages.append(message)
        self.parent.append(-1)
        self.children.append(0)
        return len(self.messages) - 1

    def named(self, message_id: str) -> int:
        """The message of that id, or a dummy in its place."""
        index = self._by_id.get(message_id)
        if index is None:
            index = self._by_id[message_id] = self.add(None)
        return index

    def take(self, message: Threaded) -> None:
        """Of two messages with one id the first has it, the other none."""
        if message.message_id:
            index = self.named(message.message_id)
            if self.messages[index] is None:
                self.messages[index] = message
                return
        self.add(message)

    def link(self, parent: int, child: int) -> None:
        if parent == child or (self.children[child] and self._reaches(parent, child)):
            return
        self.parent[child] = parent
        self.children[parent] += 1

    def cut(self, child: int) -> None:
        if self.parent[child] >= 0:
            self.children[self.parent[child]] -= 1
            self.parent[child] = -1

    def _reaches(self, index: int, ancestor: int) -> bool:
        while index >= 0 and index != ancestor:
            index = self.parent[index]
            self._steps -= 1
            if self._steps < 0:
                return True
        return index >= 0


def _forest(messages: Sequence[Threaded]) -> list[Thread]:
    """Steps 1 to 3."""
    links = _Links()
    for one in messages:
        links.take(one)
    # Messages first, so that an id is a dummy's only if no message has it.
    for index, message in [(index, message) for index, message in enumerate(links.messages) if message]:
        last = -1
        for reference in _looked_at(message.references):
            at = links.named(reference)
            if last >= 0 and links.parent[at] < 0:
                links.link(last, at)
            last = at
        links.cut(index)
        if last >= 0:
            links.link(last, index)
    return _pruned(links)


def _looked_at(references: Sequence[str]) -> Sequence[str]:
    if len(references) <= MAX_REFERENCES:
        return references
    return [references[0], *references[1 - MAX_REFERENCES :]]


def _pruned(links: _Links) -> list[Thread]:
    """Step 3: below the root no dummy is left, and at the root only such as hold two threads together."""
    threads = [Thread(message) for message in links.messages]
    for index in _children_first(links):
        parent = links.parent[index]
        if parent >= 0:
            one = threads[index]
            threads[parent].children += [one] if one.message else one.children
    roots: list[Thread] = []
    for thread, parent in zip(threads, links.parent, strict=True):
        if parent >= 0:
            continue
        if thread.message or len(thread.children) > 1:
            roots.append(thread)
        else:
            roots += thread.children
    return roots


def _children_first(links: _Links) -> Iterator[int]:
    waiting = list(links.children)
    for leaf, count in enumerate(links.children):
        index = leaf if not count else -1
        while index >= 0:
            yield index
            index = links.parent[index]
            if index >= 0:
                waiting[index] -= 1
                if waiting[index]:
                    break


def _sort(roots: list[Thread]) -> None:
    """Steps 4 and 6: the siblings below first, since a dummy stands where its first child does."""
    order = _walk(roots)
    for thread in reversed(order):
        if len(thread.children) > 1:
            thread.children.sort(key=lambda child: child.key)
    roots.sort(key=lambda root: root.key)


def _walk(roots: Sequence[Thread]) -> list[Thread]:
    """Every thread, parents before their children."""
    order = list(roots)
    for thread in order:
        order += thread.children
    return order


def _by_subject(roots: list[Thread]) -> list[Thread]:
    """Step 5."""
    table: dict[str, Thread] = {}
    for thread in roots:
        subject, reply = thread.subject
        if not subject:
            continue
        known = table.get(subject)
        if known is None or (
            known.message is not None and (thread.message is None or (known.subject[1] and not reply))
        ):
            table[subject] = thread
    merged: dict[int, Thread] = {}  # by identity, in the order of the root
    for thread in roots:
        subject, reply = thread.subject
        known = table.get(subject) if subject else None
        if known is None or known is thread:
            merged.setdefault(id(thread), thread)
        elif known.message is None:
            known.children += [thread] if thread.message else thread.children
        elif reply and not known.subject[1]:
            known.children.append(thread)
        else:
            table[subject] = dummy = Thread(None, [known, thread])
            merged.pop(id(known), None)
            merged[id(dummy)] = dummy
    return list(merged.values())


def _latest(root: Thread) -> tuple[int, int]:
    return max((one.message.sent, one.message.number) for one in _walk([root]) if one.message)
