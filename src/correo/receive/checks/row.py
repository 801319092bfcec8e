"""What a check says, and what a row of the table of checks says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Generic, TypeVar

from correo.accounts import Resolution
from correo.mail.address import Address
from correo.mail.message import Header, read_header
from correo.mail.status import Status
from correo.receive.conversation import Conversation
from correo.receive.options import Profile

F = TypeVar("F")


class Accept(Enum):
    """No objection."""

    ACCEPT = "accept"


ACCEPT = Accept.ACCEPT


@dataclass(frozen=True, slots=True)
class Reject:
    """Never: a 5xx status."""

    status: Status


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: a 4xx status."""

    status: Status


Verdict = Accept | Reject | Defer


@dataclass(frozen=True, slots=True)
class Check(Generic[F]):
    """One check; `run` is asked on listeners of `profiles` and is given the facts of its moment."""

    name: str
    profiles: frozenset[Profile]
    run: Callable[[Conversation, F], Awaitable[Verdict]]


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """At RCPT."""

    address: Address
    resolution: Resolution


class MessageFacts:
    """At the end of a message: its header, with the empty line where there is one."""

    def __init__(self, header: bytes) -> None:
        self.header = header

    @cached_property
    def folded(self) -> bytes:
        """In lower case and with a line end in front, so that `\\nname:` finds a field."""
        return b"\n" + self.header.lower()

    @cached_property
    def fields(self) -> Header:
        return read_header(self.header)[0]


async def first_refusal(checks: Sequence[Check[F]], talk: Conversation, facts: F) -> Status | None:
    """Ask the checks in their order until one objects."""
    for check in checks:
        if talk.profile in check.profiles:
            verdict = await check.run(talk, facts)
            if verdict is not ACCEPT:
                return verdict.status
    return None
