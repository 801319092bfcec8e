"""One part of a message: where it lies and what its MIME fields say; and how the tree of them is kept."""

from __future__ import annotations

import msgspec

from correo.mail.message.params import Parameters, decoded

VERSION = 1  # of the packed form; anything else must be scanned again


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A node of the tree. Offsets count octets from the start of the message.

    `start` is the first octet of its header, `body` the first of its body, `end` one past its last; the line end before
    a boundary belongs to the boundary (RFC 2046 §5.1.1). A multipart has one or more children; a `message/rfc822` or
    `message/global` has exactly one, the message inside; everything else has none.

    Type, subtype, encoding and disposition are in lower case; texts are unfolded octets as they came, empty where the
    field is absent. `params` and `disposition_params` hold RFC 2231's form joined, see `params.parameters`.
    """

    start: int
    body: int
    end: int
    lines: int  # line ends in the body of text and message parts; of others nobody asks, so 0
    type: str
    subtype: str
    params: Parameters = ()
    encoding: str = "7bit"
    id: bytes = b""
    description: bytes = b""
    md5: bytes = b""
    disposition: str = ""
    disposition_params: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes = b""
    children: tuple[Part, ...] = ()

    @property
    def size(self) -> int:
        """Octets of the body as encoded."""
        return self.end - self.body

    @property
    def is_multipart(self) -> bool:
        return self.type == "multipart"

    @property
    def message(self) -> Part | None:
        """The message that this part carries."""
        return self.children[0] if self.type == "message" and self.children else None

    @property
    def charset(self) -> str:
        """Of text; the default is that of RFC 2046 §4.1.2."""
        return self.param("charset") or "us-ascii"

    @property
    def filename(self) -> str:
        """From Content-Disposition or else from Content-Type, "" for none. Never to be used as a path unseen."""
        return decoded(self.disposition_params, "filename") or self.param("name") or ""

    def param(self, name: str) -> str | None:
        """The text of a parameter of Content-Type, RFC 2231 and RFC 2047 decoded."""
        return decoded(self.params, name)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Part)


def pack(root: Part) -> bytes:
    """The tree in a few hundred octets."""
    return bytes((VERSION,)) + _encoder.encode(root)


def unpack(packed: bytes) -> Part:
    """The tree that `pack` took. Raises ValueError for another version or damage: then scan the message again."""
    if packed[:1] != bytes((VERSION,)):
        raise ValueError("the map of this message is of another version")
    return _decoder.decode(memoryview(packed)[1:])


def shifted(packed: bytes, by: int) -> bytes:
    """The map of a message whose header has become longer by so many octets; what cannot be read stays as it is."""
    try:
        root = unpack(packed)
    except ValueError:
        return packed
    return pack(msgspec.structs.replace(_moved(root, by), start=root.start)) if by else packed


def _moved(part: Part, by: int) -> Part:
    return msgspec.structs.replace(
        part,
        start=part.start + by,
        body=part.body + by,
        end=part.end + by,
        children=tuple(_moved(child, by) for child in part.children),
    )
