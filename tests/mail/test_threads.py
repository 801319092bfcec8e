"""THREAD algorithms (RFC 5256 §3)."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail import threads
from correo.mail.message.ancestry import ancestry, message_ids
from correo.mail.threads import ALGORITHMS, Thread, Threaded, ordered_subject, references, refs


def m(
    number: int, subject: str = "", *parents: str, reply: bool = False, sent: int | None = None
) -> Threaded:
    """A message whose id is its number."""
    return Threaded(number, number if sent is None else sent, subject, reply, str(number), parents)


def shown(forest: list[Thread]) -> str:
    """`1(2 3)`: 1 with children 2 and 3; a dummy is `*`."""
    return " ".join(_shown(one) for one in forest)


def _shown(one: Thread) -> str:
    name = str(one.message.number) if one.message else "*"
    return f"{name}({shown(one.children)})" if one.children else name


def test_a_reply_is_below_what_it_replies_to() -> None:
    assert shown(references([m(1), m(2, "", "1"), m(3, "", "1", "2"), m(4)])) == "1(2(3)) 4"


def test_siblings_are_in_the_order_of_their_dates() -> None:
    mails = [m(1, sent=9), m(2, "", "1", sent=8), m(3, "", "1", sent=7), m(4, sent=3)]
    assert shown(references(mails)) == "4 1(3 2)"


def test_a_missing_parent_of_two_stays_as_a_dummy() -> None:
    assert shown(references([m(1, "", "x"), m(2, "", "x")])) == "*(1 2)"
    assert shown(references([m(1, "", "x"), m(2, "", "y")])) == "1 2"


def test_missing_messages_below_the_root_leave_no_trace() -> None:
    assert shown(references([m(1), m(2, "", "1", "x"), m(3, "", "1", "x")])) == "1(2 3)"


def test_references_link_messages_that_do_not_say_so_themselves() -> None:
    assert shown(references([m(1), m(2), m(3, "", "1", "2")])) == "1(2(3))"
    assert shown(references([m(3, "", "1", "2"), m(1), m(2)])) == "1 2(3)"  # 2 says that it follows none


def test_the_own_reference_wins_over_that_of_others() -> None:
    assert shown(references([m(1), m(3, "", "1", "2"), m(2, "", "9"), m(9)])) == "1 9(2(3))"


def test_rings_are_not_closed() -> None:
    assert shown(references([m(1, "", "2"), m(2, "", "1")])) == "2(1)"
    assert shown(references([m(1, "", "1")])) == "1"
    assert shown(references([m(1, "", "3"), m(2, "", "1"), m(3, "", "2")])) == "3(1(2))"


def test_of_two_messages_with_one_id_the_first_has_it() -> None:
    one, two = m(1), m(2)._replace(message_id="1")
    assert shown(references([one, two, m(3, "", "1")])) == "1(3) 2"


def test_threads_of_one_subject_are_one() -> None:
    assert shown(references([m(1, "A"), m(2, "A", reply=True)])) == "1(2)"
    assert shown(references([m(1, "A", reply=True), m(2, "A")])) == "2(1)"
    assert shown(references([m(1, "A"), m(2, "A")])) == "*(1 2)"
    assert shown(references([m(1, "A"), m(2, "A"), m(3, "A")])) == "*(1 2 3)"
    assert shown(references([m(1, ""), m(2, "")])) == "1 2"


def test_a_dummy_takes_others_of_its_subject_in() -> None:
    mails = [m(1, "A", "x"), m(2, "A", "x"), m(3, "A")]
    assert shown(references(mails)) == "*(1 2 3)"
    assert shown(references([*mails, m(4, "A", "y"), m(5, "A", "y")])) == "*(1 2 3 4 5)"


def test_refs_does_not_look_at_subjects_and_puts_the_latest_last() -> None:
    mails = [m(1, "A"), m(2, "A"), m(3, "", "1")]
    assert shown(refs(mails)) == "2 1(3)"


def test_ordered_subject() -> None:
    mails = [
        m(1, "B", sent=5),
        m(2, "A", sent=4),
        m(3, "B", sent=6),
        m(4, "B", sent=1),
        m(5, "B", "1", sent=9),
    ]
    assert shown(ordered_subject(mails)) == "4(1 3 5) 2"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("", []),
        ("<a@b>", ["a@b"]),
        ("<a@b> <c@d>\t<e@f>", ["a@b", "c@d", "e@f"]),
        ("<a@b><c@d>", ["a@b", "c@d"]),
        ('<"a"@b> <"a \\" b"@c>', ["a@b", 'a " b@c']),
        ("Your message of Monday <a@b> (x)", ["a@b"]),
        ("<a b@c>", []),
        ("<<<a@b", []),
        ("a@b", []),
    ],
)
def test_message_ids(value: str, ids: list[str]) -> None:
    assert message_ids(value) == ids


def test_ancestry() -> None:
    assert ancestry(b"Subject: x\r\nREFERENCES : <a@b>\r\n\t<c@d>\r\nIn-Reply-To: <e@f>\r\n\r\n") == [
        "a@b",
        "c@d",
    ]
    assert ancestry(b"In-Reply-To: <e@f> <g@h>\r\nReferences: nothing\r\n\r\n") == ["e@f"]
    assert ancestry(b"X-References: <a@b>\r\nSubject: x\r\n In-Reply-To: <e@f>\r\n\r\n") == []


@pytest.mark.parametrize("piece", ["<", '<"', '"', "<a", '<"a"', "\\", '<"\\', '<"\\"', "<>"])
def test_hostile_references_take_no_time(piece: str) -> None:
    began = time.process_time()
    message_ids(piece * 10_000)
    assert time.process_time() - began < 1.0


IDS = st.sampled_from(["a", "b", "c", "d", "e", "f", ""])
MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["", "S", "T"]),
        st.booleans(),
        IDS,
        st.lists(IDS.filter(bool), max_size=4),
    ),
    max_size=12,
).map(lambda rows: [Threaded(at, *row) for at, row in enumerate(rows, 1)])


@settings(deadline=None, max_examples=300)
@given(MESSAGES, st.sampled_from(sorted(ALGORITHMS)))
def test_every_message_is_in_one_place(mails: list[Threaded], algorithm: str) -> None:
    forest = ALGORITHMS[algorithm](mails)
    every = list(forest)
    for one in every:  # a ring would never end; and there are no more nodes than this
        every += one.children
        assert len(every) <= 2 * len(mails) + 1
        assert one.message or (one in forest and len(one.children) > 1)
        assert [child.key for child in one.children] == sorted(child.key for child in one.children)
    assert sorted(one.message.number for one in every if one.message) == [mail.number for mail in mails]


@settings(deadline=None, max_examples=100)
@given(MESSAGES)
def test_a_root_subject_is_there_once(mails: list[Threaded]) -> None:
    subjects = [one.subject[0] for one in references(mails) if one.subject[0]]
    assert len(subjects) == len(set(subjects))


MANY = 5_000
HOSTILE = {
    "chain": [m(n, "", str(n - 1)) for n in range(1, MANY)],
    "chain backwards": [m(n, "", str(n + 1)) for n in range(1, MANY)],
    "one parent": [m(n, "S", "x") for n in range(1, MANY)],
    "one subject": [m(n, "S", reply=n % 2 == 0) for n in range(1, MANY)],
    "random": [
        m(n, "", *(str(Random(n).randrange(MANY)) for _ in range(20))) for n in range(1, MANY)
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_nothing_takes_long(name: str, algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_STEPS", 200_000)
    began = time.process_time()
    assert ALGORITHMS[algorithm](HOSTILE[name])
    assert time.process_time() - began < 4.0
