"""Base subjects (RFC 5256 §2.1)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message.casemap import casemap
from correo.mail.message.subjects import base_subject

TABLE = [
    ("", "", False),
    ("hello", "hello", False),
    ("  hello world \t", "hello world", False),
    ("Re: hello", "hello", True),
    ("RE:hello", "hello", True),
    ("re : hello", "hello", True),
    ("Fw: hello", "hello", True),
    ("FWD: hello", "hello", True),
    ("Fwdd: hello", "Fwdd: hello", False),
    ("Re: Re: Fwd: re: hello", "hello", True),
    ("Re[2]: hello", "hello", True),
    ("Re [any thing] : hello", "hello", True),
    ("Re[[2]]: hello", "Re[[2]]: hello", False),
    ("Re[2][3]: hello", "Re[2][3]: hello", False),
    ("[list] hello", "hello", False),
    ("[list] Re: hello", "hello", True),
    ("[list] [other] Re: [third] Re: hello", "hello", True),
    ("Re: [list] hello", "hello", True),
    ("[a] [b] hello", "hello", False),
    ("[list]", "[list]", False),
    ("[a] [b]", "[b]", False),
    ("Re: [list]", "[list]", True),
    ("Re:", "", True),
    ("Re: (fwd)", "", True),
    ("hello (fwd)", "hello", True),
    ("hello (FWD) (fwd)(fwd) ", "hello", True),
    ("hello (fwd) again", "hello (fwd) again", False),
    ("[Fwd: hello]", "hello", True),
    ("[fwd: Re: [list] hello (fwd)] (fwd)", "hello", True),
    ("[fwd: [Fwd: hello]]", "hello", True),
    ("[fwd: hello", "[fwd: hello", False),
    ("[fwd: hello] there", "there", False),
    ("Re: [fwd: hello]", "hello", True),
    ("Ré: hello", "Ré: hello", False),
    ("regarding: hello", "regarding: hello", False),
    ("hello Re: there", "hello Re: there", False),
    ("AW: hello", "AW: hello", False),
    ("]re: x", "]re: x", False),
]


@pytest.mark.parametrize(("subject", "base", "reply"), TABLE)
def test_table(subject: str, base: str, reply: bool) -> None:
    assert base_subject(subject) == (base, reply)


PIECES = st.lists(
    st.sampled_from(["Re:", "fwd:", "[x]", "[fwd:", "]", "(fwd)", " ", "a", "é", "[", "\t", "re [x] :"]),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(PIECES)
def test_a_base_subject_is_its_own(subject: str) -> None:
    base = base_subject(subject).text
    assert base_subject(base) == (base, False)
    assert base in subject


@settings(deadline=None, max_examples=100)
@given(PIECES)
def test_what_replying_adds_is_taken_off(subject: str) -> None:
    base = base_subject(subject).text
    assert base_subject(f"Re: [list] {base}").text in (base, "[list]")
    assert base_subject(f"Fwd: {base} (fwd)") == (base, True)


@pytest.mark.parametrize("piece", ["[", "]", "[]", "re:", "re", "(fwd)", "[fwd:", " ", "[x] re:"])
def test_hostile_subjects_take_no_time(piece: str) -> None:
    began = time.process_time()
    base_subject(piece * (20_000 // len(piece)))
    assert time.process_time() - began < 1.0


def test_casemap() -> None:
    assert casemap("Grüße") == casemap("GRÜSSE") == casemap("gru\u0308sse")
    assert casemap("Ä") < casemap("B") < casemap("c") < casemap("ÿz") < casemap("z")
    assert casemap("ﬁn") == casemap("FIN")
