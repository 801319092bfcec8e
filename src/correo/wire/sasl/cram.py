"""CRAM-MD5 (RFC 2195): the client keys a digest of the server's challenge with its password. For programs that know nothing better.

It shows no password, but whoever hears an exchange can try passwords on it, thousands of millions in a second; and the server is
not asked to show that it knows anything.
"""

from __future__ import annotations

import re

from correo.wire.sasl.keys import CramKeys
from correo.wire.sasl.steps import (
    Challenge,
    Channel,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Mechanism,
    Opening,
    Rejected,
    decode,
)

_RESPONSE = re.compile(r"([^\0]+) ([0-9a-fA-F]{32})")  # RFC 2195 §2; the name may have blanks


def _start(opening: Opening) -> Exchange:
    if opening.initial is not None:  # RFC 4959 §3: the server speaks first
        return Malformed("an initial response to a mechanism that has none")
    challenge = f"<{opening.nonce}@{opening.host}>".encode()  # RFC 2195 §2: like a Message-ID
    text = decode((yield Challenge(challenge)))
    response = _RESPONSE.fullmatch(text) if text is not None else None
    if response is None:
        return Malformed("the response is not a name and a digest")
    login, digest = response.groups()
    keys: CramKeys = yield LookUp(login, "md5")
    proven = keys.proven(bytes.fromhex(digest), challenge)
    return Rejected(login) if proven is None else Finished(login, "", b"", proven)


def _anywhere(channel: Channel) -> bool:
    return True


ROW = Mechanism("CRAM-MD5", "RFC 2195", _anywhere, _start)
