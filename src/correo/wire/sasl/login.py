"""LOGIN: name and password in two messages. Never a standard, but all that some old clients know."""

from __future__ import annotations

from correo.wire.sasl.steps import (
    Challenge,
    Channel,
    CheckPassword,
    Exchange,
    Malformed,
    Mechanism,
    Opening,
    decode,
)


def _start(opening: Opening) -> Exchange:
    initial = opening.initial
    # Outlook and others send the name as an initial response, which the draft does not know.
    first: bytes = initial if initial is not None else (yield Challenge(b"Username:"))
    second: bytes = yield Challenge(b"Password:")
    login, password = decode(first), decode(second)
    if not login or not password or "\0" in login or "\0" in password:
        return Malformed("the name or the password is empty, too long, or not text")
    return CheckPassword(login, "", password)


def _private(channel: Channel) -> bool:
    return channel.passwords


ROW = Mechanism("LOGIN", "draft-murchison-sasl-login-00", _private, _start, password=True)
