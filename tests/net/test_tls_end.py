"""One end of TLS against the ssl module's own other end: however the octets are cut, whatever is missing."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.net.tls import opportunistic_context, server_context
from correo.net.tls_end import PIECE, TlsEnd

LARGE = bytes(range(256)) * 1024
CUTS = st.lists(st.integers(1, 700), max_size=40)


class Other:
    """The other end, as the ssl module has it."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side)
        self.heard = b""

    def shake(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return

    def listen(self) -> None:
        try:
            while octets := self.tls.read(65536):
                self.heard += octets
        except ssl.SSLWantReadError:
            return


class Contexts:
    def __init__(self, folder: Path, maximum: ssl.TLSVersion) -> None:
        issued = trustme.CA().issue_cert("mail.example.org")
        issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        self.server = server_context(folder / "certificate.pem", folder / "key.pem")
        self.client = opportunistic_context()
        self.client.maximum_version = maximum

    def pair(self, *, server_side: bool) -> tuple[TlsEnd, Other]:
        mine, theirs = (self.server, self.client) if server_side else (self.client, self.server)
        return TlsEnd(mine, server_side=server_side), Other(theirs, server_side=not server_side)


@pytest.fixture(scope="module", params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def contexts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return Contexts(tmp_path_factory.mktemp("tls"), request.param)


def cut(octets: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        if at < len(octets):
            yield octets[at : at + size]
            at += size
    if at < len(octets):
        yield octets[at:]


def fed(end: TlsEnd, octets: bytes, sizes: list[int] | None = None) -> bytes:
    return b"".join(plain for piece in cut(octets, sizes or []) for plain in end.feed(piece))


def shaken(end: TlsEnd, other: Other, sizes: list[int] | None = None) -> None:
    if not end.tls.server_side:
        end.begin()
    for _ in range(5):
        other.incoming.write(end.take_output())
        other.shake()
        assert fed(end, other.outgoing.read(), sizes) == b""
    other.incoming.write(end.take_output())
    assert end.shaken
    assert other.tls.version() == end.tls.version()


def encrypted(end: TlsEnd, octets: bytes) -> bytes:
    return b"".join(end.encrypt(octets[at : at + PIECE]) for at in range(0, len(octets), PIECE))


@pytest.mark.parametrize("server_side", [True, False])
def test_both_ways(contexts: Contexts, server_side: bool) -> None:
    end, other = contexts.pair(server_side=server_side)
    shaken(end, other)
    for said in (b"a", LARGE, b"z"):
        other.tls.write(said)
        assert fed(end, other.outgoing.read()) == said
        other.heard = b""
        other.incoming.write(encrypted(end, said))
        other.listen()
        assert other.heard == said
    assert end.take_output() == b""
    assert not end.ended


@given(
    hello=CUTS,
    talk=CUTS,
    words=st.lists(st.binary(min_size=1, max_size=3000), max_size=5),
    server_side=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_wherever_the_octets_are_cut(
    contexts: Contexts, hello: list[int], talk: list[int], words: list[bytes], server_side: bool
) -> None:
    end, other = contexts.pair(server_side=server_side)
    shaken(end, other, hello)
    for word in words:
        other.tls.write(word)
    with pytest.raises(ssl.SSLWantReadError):
        other.tls.unwrap()
    assert fed(end, other.outgoing.read(), talk) == b"".join(words)
    assert end.ended


def test_what_follows_the_handshake_in_the_same_octets_is_heard(contexts: Contexts) -> None:
    end, other = contexts.pair(server_side=True)
    other.shake()
    fed(end, other.outgoing.read())
    other.incoming.write(end.take_output())
    other.shake()
    if end.tls.version() == "TLSv1.3":  # under 1.2 the server ends the handshake
        other.tls.write(b"at once")
        assert fed(end, other.outgoing.read()) == b"at once"
        assert end.shaken


def test_an_end_is_told_from_one_that_was_cut_off(contexts: Contexts) -> None:
    end, other = contexts.pair(server_side=True)
    shaken(end, other)
    other.tls.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        other.tls.unwrap()
    octets = other.outgoing.read()
    assert fed(end, octets[:-1]) == b"last words"
    states = [end.ended]
    assert fed(end, octets[-1:]) == b""
    assert [*states, end.ended] == [False, True]
    assert fed(end, b"whatever") == b""  # it is no matter of ours any more
    other.incoming.write(encrypted(end, b"answered nevertheless"))
    end.part()
    other.incoming.write(end.take_output())
    with pytest.raises(ssl.SSLError) as refused:  # that one reads no more after its end, as others do
        other.tls.unwrap()
    assert refused.value.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"


def test_our_end_first(contexts: Contexts) -> None:
    end, other = contexts.pair(server_side=True)
    shaken(end, other)
    end.part()
    other.incoming.write(end.take_output())
    other.listen()
    other.tls.write(b"still here")
    assert other.tls.unwrap() is None  # type: ignore[func-returns-value]
    assert fed(end, other.outgoing.read()) in (b"still here", b"")
    assert end.ended


def test_who_has_not_shaken_hands_says_no_goodbye(contexts: Contexts) -> None:
    end, _ = contexts.pair(server_side=True)
    end.part()
    assert end.take_output() == b""


@given(octets=st.binary(min_size=1, max_size=400))
@settings(deadline=None, max_examples=60)
def test_garbage_instead_of_a_handshake(contexts: Contexts, octets: bytes) -> None:
    end, _ = contexts.pair(server_side=True)
    try:
        assert fed(end, octets) == b""
    except ssl.SSLError:
        assert len(end.take_output()) < 100
    assert not end.shaken


@given(at=st.integers(0, 120), mask=st.integers(1, 255))
@settings(deadline=None, max_examples=40)
def test_octets_that_were_changed_on_the_way_are_never_heard(contexts: Contexts, at: int, mask: int) -> None:
    end, other = contexts.pair(server_side=True)
    shaken(end, other)
    other.tls.write(b"transfer everything to nobody" * 4)
    octets = bytearray(other.outgoing.read())
    octets[at] ^= mask
    try:
        assert fed(end, bytes(octets)) == b""
    except ssl.SSLError:
        assert end.take_output()  # an alert
    assert not end.ended


def test_a_record_larger_than_allowed(contexts: Contexts) -> None:
    end, other = contexts.pair(server_side=True)
    shaken(end, other)
    with pytest.raises(ssl.SSLError):
        fed(end, b"\x17\x03\x03\xff\xff" + bytes(65535))


def test_memory_does_not_grow_with_what_is_carried(contexts: Contexts) -> None:
    """Of what Python can see: that nothing is left behind in the memory between OpenSSL and us."""
    end, other = contexts.pair(server_side=True)
    shaken(end, other)
    for _ in range(4):
        other.tls.write(LARGE)
        octets = other.outgoing.read()
        for piece in end.feed(octets):
            assert len(piece) <= 16384
            assert end._incoming.pending <= PIECE
        encrypted(end, LARGE)
        assert (end._incoming.pending, end._outgoing.pending) == (0, 0)
