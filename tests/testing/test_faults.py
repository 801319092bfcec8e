"""The table of faults: rules in words, and whom they are for."""

from __future__ import annotations

import pytest

from correo.mail.instant import MINUTE, SECOND
from correo.testing.faults import MAX_GREYLISTED, MAX_RULES, Faults, Moment, Occasion, fault_of
from correo.testing.message import addressed


def at(
    moment: Moment, now: int = 0, *recipients: str, sender: str = "a@example.com", client: str = ""
) -> Occasion:
    return Occasion("smtp", moment, client, now, sender, recipients)


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ({"reply": "451 4.7.1 Later"}, Moment.MAIL),
        ({"reply": "451 Later", "to": "x@example.org"}, Moment.RCPT),
        ({"reply": "451", "sender": "x@example.org"}, Moment.MAIL),
        ({"slow": 1.5, "at": "connect"}, Moment.CONNECT),
        ({"drop": "mid-data"}, Moment.MID_DATA),
        ({"greylist": "5m"}, Moment.RCPT),
        ({"rate": "10/1m", "at": "message"}, Moment.MESSAGE),
    ],
)
def test_words_and_moments(words: dict[str, object], moment: Moment) -> None:
    assert fault_of(**words).moment is moment  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "say what goes wrong"),
        ({"reply": "250 Ok"}, "no refusal"),
        ({"reply": "4510"}, "no refusal"),
        ({"reply": "451 a\r\n250 b"}, "no refusal"),
        ({"reply": "451", "drop": "rcpt"}, "gets no reply"),
        ({"drop": "rcpt", "at": "data"}, "says when already"),
        ({"drop": "soon"}, "no moment; there are connect, hello"),
        ({"reply": "451", "at": "mail", "to": "x@example.org"}, "to whom"),
        ({"reply": "451", "at": "hello", "sender": "x@example.org"}, "from whom"),
        ({"reply": "451", "at": "mid-data"}, "no reply"),
        ({"reply": "451", "protocol": "nntp"}, "no protocol"),
        ({"reply": "451", "protocol": "imap"}, "it has connect and login"),
        ({"reply": "451", "times": 0}, "at least 1"),
        ({"greylist": "5m", "at": "mail"}, "needs a recipient"),
        ({"greylist": "soon", "to": "*"}, "duration"),
        ({"greylist": "0s"}, "more than nothing"),
        ({"slow": float("nan")}, "seconds"),
        ({"slow": float("inf")}, "seconds"),
        ({"slow": -1.0, "reply": "451"}, "seconds"),
        ({"rate": "fast"}, "no rate"),
        ({"rate": "0/1m"}, "no rate"),
        ({"rate": "1/1us"}, "a millisecond"),
    ],
)
def test_words_that_mean_nothing(words: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fault_of(**words)  # type: ignore[arg-type]


def test_a_reply_is_read_as_one_of_smtp() -> None:
    status = fault_of("451 4.7.1 Try again").effect.status
    assert (status and (status.code, status.enhanced, status.text)) == (451, "4.7.1", "Try again")
    assert str(fault_of("550").effect.status) == "550 Refused"


def test_the_first_that_objects_and_all_that_wait() -> None:
    faults = Faults()
    faults.add(fault_of(slow=1, at="rcpt"))
    faults.add(fault_of("451 first", to="x@example.org", times=1))
    last = faults.add(fault_of("452 second", to="*@example.org"))
    faults.add(fault_of(slow=5, at="rcpt"))
    first, second = (faults.on(at(Moment.RCPT, 0, "x@example.org")) for _ in range(2))
    assert (first.slow, str(first.status)) == (1, "451 first")
    assert str(second.status) == "452 second"
    last.remove()
    last.remove()
    assert faults.on(at(Moment.RCPT, 0, "x@example.org")).slow == 6
    assert not faults.on(at(Moment.MAIL))
    faults.clear()
    assert not faults.on(at(Moment.RCPT, 0, "x@example.org"))


def test_times_are_counted_only_where_the_rule_is_for_somebody() -> None:
    rule = fault_of("451", to="x@example.org", times=1)
    assert not rule.on(at(Moment.RCPT, 0, "y@example.org"))
    assert rule.on(at(Moment.RCPT, 0, "X@Example.org"))
    assert not rule.on(at(Moment.RCPT, 0, "x@example.org"))
    assert rule.hits == 1


def test_at_the_message_any_recipient_counts() -> None:
    rule = fault_of("554", at="message", to="x@example.org", sender="a@*")
    assert rule.on(at(Moment.MESSAGE, 0, "y@example.org", "x@example.org"))
    assert not rule.on(at(Moment.MESSAGE, 0, "x@example.org", sender="b@example.com"))


def test_greylisting_knows_client_sender_and_recipient() -> None:
    rule = fault_of(greylist="5m", to="*")
    assert rule.on(at(Moment.RCPT, 0, "x@example.org"))
    assert rule.on(at(Moment.RCPT, 5 * MINUTE - 1, "x@example.org"))
    assert not rule.on(at(Moment.RCPT, 5 * MINUTE, "x@example.org"))
    assert rule.on(at(Moment.RCPT, 5 * MINUTE, "y@example.org"))
    assert rule.on(at(Moment.RCPT, 5 * MINUTE, "x@example.org", sender="b@example.com"))
    assert rule.on(at(Moment.RCPT, 5 * MINUTE, "x@example.org", client="192.0.2.1"))


def test_greylisting_forgets() -> None:
    rule = fault_of(greylist="5m", to="*")
    for number in range(MAX_GREYLISTED + 1):
        rule.on(at(Moment.RCPT, 0, f"{number}@example.org"))
    assert len(rule._tries) == MAX_GREYLISTED
    assert rule.on(at(Moment.RCPT, 10 * MINUTE, "0@example.org"))


def test_a_rate_is_over_the_time_before_now() -> None:
    rule = fault_of(rate="2/10s")
    times = [0, 1, 2, 9, 10, 11, 12]
    assert [bool(rule.on(at(Moment.MAIL, now * SECOND))) for now in times] == [
        False, False, True, True, False, False, True,
    ]  # fmt: skip


def test_there_are_only_so_many_rules() -> None:
    faults = Faults()
    for _ in range(MAX_RULES):
        faults.add(fault_of("451"))
    with pytest.raises(ValueError, match="already"):
        faults.add(fault_of("451"))


@pytest.mark.parametrize(
    ("address", "pattern", "fits"),
    [
        ("Bob@Example.org", "bob@example.ORG", True),
        ("bob@example.org", "*@example.org", True),
        ("bob@sub.example.org", "*@example.org", False),
        ("", "", True),
        ("bob@example.org", "", False),
        ("[b]@example.org", "[b]@example.org", True),
        ("b@example.org", "[b]@example.org", False),
        ("who?@example.org", "who?@*", True),
        ("whom@example.org", "who?@example.org", False),
    ],
)
def test_addresses(address: str, pattern: str, fits: bool) -> None:
    assert addressed(address, pattern) is fits
