"""LOGIN: name and password in two messages. Never a standard, but all that some old clients know."""

from __future__ import annotations

from correo.wire.sasl.steps import Challenge, CheckPassword, Exchange, Malformed, Mechanism, decode


def start(initial: bytes | None, nonce: str) -> Exchange:
    # Outlook and others send the name as an initial response, which the draft does not know.
    first: bytes = initial if initial is not None else (yield Challenge(b"Username:"))
    second: bytes = yield Challenge(b"Password:")
    login, password = decode(first), decode(second)
    if not login or not password or "\0" in login or "\0" in password:
        return Malformed("the name or the password is empty, too long, or not text")
    return CheckPassword(login, "", password)


ROW = Mechanism("LOGIN", plaintext=True, source="draft-murchison-sasl-login-00", start=start)
