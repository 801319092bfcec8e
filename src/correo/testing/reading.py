"""As `testing.sessions`, for those who read: loaded with the first of them, for IMAP alone takes as long to load as all the rest."""

from __future__ import annotations

from typing import Any

from correo.access.imap.session import ImapSession
from correo.access.pop3.session import Pop3Session
from correo.mail.status import Status
from correo.net import Flush, Session, Stream
from correo.testing.faults import Moment
from correo.testing.sessions import Desk, Wrapped
from correo.wire.imap import encode, framing
from correo.wire.pop3 import reply as pop3
from correo.wire.pop3 import server as pop3_events

CLOSING = (
    421  # the reply of SMTP after which the server hangs up (RFC 5321 §3.8); the other protocols have none
)
_LOGINS = {"imap": {"LOGIN", "AUTHENTICATE"}, "pop3": {"PASS", "APOP", "AUTH"}}


def wrap(desk: Desk, session: Session, stream: Stream) -> Session:
    match session:
        case ImapSession():
            return ImapWrapped(desk, session, stream)
        case Pop3Session():
            return Pop3Wrapped(desk, session, stream)
    return session


class ImapWrapped(Wrapped):
    protocol = "imap"

    def __init__(self, desk: Desk, session: ImapSession, stream: Stream) -> None:
        super().__init__(desk, session, stream)
        self.imap = session

    def turn_away(self, status: Status) -> None:
        self.imap.core.send(encode.bye(status.text, _CODES["imap"][status.permanent]))
        self.imap.core.close()

    async def handle(self, event: Any, flush: Flush) -> None:
        if isinstance(event, framing.Command) and event.name in _LOGINS["imap"]:
            status = await self.suffer(Moment.LOGIN, event.name)
            if status is not None:
                code = _CODES["imap"][status.permanent]
                self.imap.core.send(encode.no(event.tag, status.text, code))
                if status.code == CLOSING:
                    self.turn_away(status)
                else:
                    self.imap.core.resume()
                return
        await self.imap.handle(event, flush)


class Pop3Wrapped(Wrapped):
    protocol = "pop3"

    def __init__(self, desk: Desk, session: Pop3Session, stream: Stream) -> None:
        super().__init__(desk, session, stream)
        self.pop3 = session

    def turn_away(self, status: Status) -> None:
        self.pop3.core.reply(pop3.Err(status.text, _CODES["pop3"][status.permanent], last=True))

    async def handle(self, event: Any, flush: Flush) -> None:
        if isinstance(event, pop3_events.Command) and event.verb in _LOGINS["pop3"]:
            status = await self.suffer(Moment.LOGIN, event.verb)
            if status is not None:
                code, last = _CODES["pop3"][status.permanent], status.code == CLOSING
                self.pop3.core.reply(pop3.Err(status.text, code, last=last))
                return
        await self.pop3.handle(event, flush)


# What a refusal is called in protocols without numbers, for now and for good (RFC 5530 §3, RFC 3206 §4).
_CODES = {
    "imap": {False: "UNAVAILABLE", True: "AUTHENTICATIONFAILED"},
    "pop3": {False: "SYS/TEMP", True: "AUTH"},
}
