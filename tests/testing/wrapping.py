"""The sessions of transcripts, wrapped as a test server wraps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from tests.transcripts.runner import Factory, Script, World
from tests.transcripts.test_imap import Imap
from tests.transcripts.test_pop3 import Pop3
from tests.transcripts.test_smtp import Smtp

from correo.mail.address import Address
from correo.mail.status import Status
from correo.net import Stream
from correo.testing.api import NewFault
from correo.testing.faults import Faults, fault_of
from correo.testing.journal import Journal
from correo.testing.reading import ImapWrapped, Pop3Wrapped
from correo.testing.sessions import Desk, SmtpWrapped, Wrapped


async def admit_nobody_else(sender: Address | None, recipient: Address) -> Status | None:
    return None


class Wrapping:
    """A factory of wrapped sessions. Header lines `fault: {...}` are arguments of `MailServer.fault`, as the JSON API takes them."""

    def __init__(self, protocol: str, script: Script) -> None:
        factories: dict[str, Callable[[], Factory]] = {
            "smtp": lambda: Smtp(script),
            "pop3": Pop3,
            "imap": lambda: Imap(script),
        }
        self.plain = factories[protocol]()
        self.protocol = protocol
        self.faults = Faults()
        self.journal = Journal()
        for line in script.header.get("fault", []):
            new = msgspec.json.decode(line, type=NewFault)
            self.faults.add(fault_of(**msgspec.structs.asdict(new)))

    def __call__(self, world: World, script: Script, stream: Stream) -> Wrapped:
        desk = Desk(world.clock, self.faults, self.journal, admit_nobody_else)
        session: Any = self.plain(world, script, stream)
        if self.protocol == "smtp":
            return SmtpWrapped(desk, session, stream, trusted=False)
        if self.protocol == "pop3":
            return Pop3Wrapped(desk, session, stream)
        return ImapWrapped(desk, session, stream)
