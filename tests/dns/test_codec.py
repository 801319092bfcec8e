"""Octets that no honest server sends: nothing but `Malformed` may come of them, and soon."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from correo.dns import MAX_CNAMES, Mx, Rdtype, ResourceRecord, codec
from correo.dns.codec import Malformed, Query, Rcode

CHANCE = bytes.fromhex("1234") + b"\xa5" * (codec.UNPREDICTABLE - 2)
POINTER = b"\xc0\x0c"  # to the name of the question


def ask(name: str = "example.com", rdtype: Rdtype = "MX", *, edns: bool = True) -> Query:
    return codec.write_query(name, rdtype, CHANCE, edns=edns)


def reply(query: Query, *lines: ResourceRecord, rcode: Rcode = Rcode.NOERROR) -> bytes:
    return codec.write_response(codec.read_request(query.wire), rcode, lines, limit=65535)


def raw(query: Query, answers: int, rest: bytes, *, flags: int = 0x8580) -> bytes:
    """A response with the right id and question, and then whatever the test says."""
    header = query.wire[:2] + struct.pack("!HHHHH", flags, 1, answers, 0, 0)
    return header + query.wire[12 : query.end] + rest


def record(owner: bytes, rdtype: int, data: bytes, ttl: int = 60) -> bytes:
    return owner + struct.pack("!HHIH", rdtype, 1, ttl, len(data)) + data


def test_a_query_asks_for_recursion_and_the_ad_bit() -> None:
    query = ask()
    assert query.wire[:12] == struct.pack("!HHHHHH", 0x1234, 0x0120, 1, 0, 0, 1)
    assert query.wire[query.end :] == b"\0" + struct.pack("!HHIH", 41, codec.PAYLOAD, 0, 0)
    assert ask(edns=False).wire == query.wire[:11] + b"\0" + query.wire[12 : query.end]


def test_the_case_of_a_query_is_unpredictable() -> None:
    shown = ask("abcdefgh.example").wire[12:28]
    assert shown.lower() == b"\x08abcdefgh\x07exampl"
    assert shown != shown.lower()
    assert shown != shown.upper()


def test_the_longest_name_can_be_asked_for() -> None:
    query = ask("a." * 126 + "a")
    assert codec.read_request(query.wire).name == query.name


def test_what_matches_a_query() -> None:
    query = ask()
    good = reply(query)
    assert query.matches(good)
    assert query.same_case(good)
    other_case = good[:12] + good[12 : query.end].lower() + good[query.end :]
    assert query.matches(other_case)
    assert not query.same_case(other_case)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: b"\x12\x35" + good[2:],  # another id
        lambda good: good[:2] + b"\x01" + good[3:],  # a question
        lambda good: good[:2] + b"\xa9" + good[3:],  # another opcode
        lambda good: good[:4] + b"\0\2" + good[6:],  # two questions
        lambda good: good[:4] + b"\0\0" + good[6:],  # no question, and yet no error
        lambda good: good[:3] + b"\x83\0\0" + good[6:],  # no question, and yet no such domain
        lambda good: good.replace(b"\x03", b"\x04", 1),
        lambda good: good[:11],
        lambda good: good[:20],
        lambda good: b"",
    ],
)
def test_what_does_not_match_a_query(spoil: object) -> None:
    query = ask()
    assert callable(spoil)
    assert not query.matches(spoil(reply(query)))


def test_another_name_or_type_does_not_match() -> None:
    for other in (ask("example.org"), ask(rdtype="A"), ask("example.com.example")):
        assert not ask().matches(reply(other))


def test_an_error_without_a_question_matches() -> None:
    query = ask()
    refusal = codec.write_refusal(query.wire)
    assert refusal is not None
    assert query.matches(refusal)
    assert codec.read_reply(query, refusal).rcode == Rcode.FORMERR


@pytest.mark.parametrize(
    "octets",
    [
        record(POINTER, 15, b"\0\x0a" + b"\xc0\x2b"),  # an exchange that points to itself
        record(b"\xc0\x1d", 15, b"\0\x0a\0"),  # an owner that points to itself
        record(b"\xc0\xff", 15, b"\0\x0a\0"),  # beyond the end
        record(b"\x40" + b"x" * 64 + b"\0", 15, b"\0\x0a\0"),  # a label type that does not exist
        record((b"\x3f" + b"x" * 63) * 5 + b"\0", 15, b"\0\x0a\0"),  # a name of 321 octets
        record(POINTER, 15, b"\0"),  # too short
        record(POINTER, 15, b"\0\x0a\0rest"),  # too long
        POINTER + struct.pack("!HHIH", 15, 1, 60, 500) + b"\0\x0a\0",  # data that is not there
        record(POINTER, 15, b"\0\x0a\0") + b"more",
        b"",
        b"\xc0",
    ],
)
def test_malformed_records(octets: bytes) -> None:
    query = ask()
    with pytest.raises(Malformed):
        codec.read_reply(query, raw(query, 1, octets))


@pytest.mark.parametrize(
    ("rdtype", "data"),
    [(1, b"\x7f\0\0"), (28, bytes(15)), (16, b"\x05abc"), (52, b"\x03"), (52, b"\x03\x01\x01abc")],
)
def test_malformed_data(rdtype: int, data: bytes) -> None:
    query = ask(rdtype="A")
    with pytest.raises(Malformed):
        codec.read_reply(query, raw(query, 1, record(POINTER, rdtype, data)))


def test_records_of_other_names_types_and_classes_are_not_ours() -> None:
    query = ask(rdtype="A")
    foreign = POINTER + struct.pack("!HHIH", 1, 4, 60, 4) + b"\xc0\0\x02\x01"
    strangers = record(b"\x04evil\0", 1, b"\xc0\0\x02\x02") + record(POINTER, 28, bytes(16)) + foreign
    assert codec.read_reply(query, raw(query, 3, strangers)).records == ()


def test_an_exchange_with_strange_octets_is_no_name() -> None:
    query = ask()
    answer = codec.read_reply(query, raw(query, 1, record(POINTER, 15, b"\0\x0a\x05a.b\0\xff\0")))
    assert answer.records == (Mx(10, "a\\046b\\000\\255"),)


def test_a_lifetime_with_the_top_bit_is_zero() -> None:
    query = ask()
    assert codec.read_reply(query, raw(query, 1, record(POINTER, 15, b"\0\x0a\0", 0x80000001))).ttl == 0


def test_there_is_a_limit_of_records() -> None:
    query = ask(rdtype="A")
    for number in (codec.MAX_RECORDS, codec.MAX_RECORDS + 1, 4000):
        octets = b"".join(record(POINTER, 1, struct.pack("!I", address)) for address in range(number))
        if number == codec.MAX_RECORDS:
            assert len(codec.read_reply(query, raw(query, number, octets)).records) == number
        else:
            with pytest.raises(Malformed, match="too many records"):
                codec.read_reply(query, raw(query, number, octets))


def alias(owner: str, target: str) -> ResourceRecord:
    return ResourceRecord(owner, 60, "CNAME", target)


def test_aliases_are_followed_in_any_order_up_to_a_limit() -> None:
    query = ask("n0", "A")
    aliases = [alias(f"n{number}", f"n{number + 1}") for number in range(MAX_CNAMES)]
    address = ResourceRecord(f"n{MAX_CNAMES}", 30, "A", "192.0.2.1")
    answer = codec.read_reply(query, reply(query, address, *reversed(aliases)))
    assert (answer.records, answer.tail, answer.ttl) == (("192.0.2.1",), f"n{MAX_CNAMES}", 30)
    longer = alias(f"n{MAX_CNAMES}", "end")
    with pytest.raises(Malformed, match="CNAME"):
        codec.read_reply(query, reply(query, *aliases, longer))


def test_aliases_in_a_circle() -> None:
    query = ask("a", "A")
    for circle in ((alias("a", "a"),), (alias("a", "b"), alias("b", "a"))):
        with pytest.raises(Malformed, match="CNAME"):
            codec.read_reply(query, reply(query, *circle))


def test_an_alias_without_its_end_is_not_settled() -> None:
    query = ask("a", "A")
    answer = codec.read_reply(query, reply(query, alias("a", "b")))
    assert (answer.settled, answer.tail, answer.ttl, answer.records) == (False, "b", 60, ())


def test_a_denial_without_soa_has_no_lifetime() -> None:
    query = ask()
    for rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
        answer = codec.read_reply(query, reply(query, rcode=rcode))
        assert (answer.settled, answer.ttl) == (True, 0)


HONEST = reply(
    ask(),
    ResourceRecord("example.com", 60, "CNAME", "mail.example.net"),
    ResourceRecord("mail.example.net", 60, "MX", Mx(10, "mx.example.net")),
    ResourceRecord("mail.example.net", 60, "TXT", b"text"),
    ResourceRecord("mail.example.net", 60, "AAAA", "2001:db8::1"),
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.integers(12, len(HONEST) - 1), st.integers(0, 255)), max_size=6), st.integers(0, 40)
)
@example([], 0)
def test_changed_octets_are_an_answer_or_malformed(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(HONEST)
    for place, octet in changes:
        data[place] = octet
    query = ask()
    try:
        answer = codec.read_reply(query, bytes(data[: len(data) - cut]))
    except Malformed:
        return
    assert all(isinstance(record, Mx) for record in answer.records)


@settings(deadline=None, max_examples=300)
@given(
    st.integers(0, 3),
    st.binary(max_size=120),
    st.sampled_from(["A", "AAAA", "MX", "TXT", "PTR", "TLSA", "SOA"]),
)
def test_random_octets_are_an_answer_or_malformed(answers: int, rest: bytes, rdtype: Rdtype) -> None:
    query = ask("a", rdtype)
    try:
        codec.read_reply(query, raw(query, answers, rest))
    except Malformed:
        return


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80), st.booleans())
def test_random_requests_are_read_or_malformed(data: bytes, honest_header: bool) -> None:
    data = b"\0\1\1\0\0\1\0\0\0\0\0\1" + data if honest_header else data
    try:
        codec.read_request(data)
    except Malformed:
        refusal = codec.write_refusal(data)
        assert refusal is None or refusal[2] & 0x80
