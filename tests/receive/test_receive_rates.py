"""What networks send: counted by the hour, bounded, and not for this machine."""

from __future__ import annotations

from correo.accounts import SendLimits
from correo.clock.virtual import START
from correo.mail.instant import HOUR
from correo.receive import rates
from correo.receive.rates import NetworkRates

TWO = SendLimits(hour_messages=2)
AT = START // HOUR * HOUR


def test_each_network_by_itself() -> None:
    known = NetworkRates()
    for _ in range(2):
        known.count("2001:db8::1", 1, 5, AT)
    assert known.exceeds("2001:db8::2", TWO, 1, 1, AT)
    assert known.exceeds("2001:db8::2", SendLimits(hour_recipients=12), 1, 3, AT)
    assert not known.exceeds("2001:db8::2", SendLimits(), 1, 1, AT)
    assert not known.exceeds("2001:db8:0:1::1", TWO, 1, 1, AT)
    assert not known.exceeds("2001:db8::2", TWO, 1, 1, AT + 3 * HOUR // 2)
    known.count("2001:db8::1", 1, 5, AT + 2 * HOUR)
    assert not known.exceeds("2001:db8::2", TWO, 1, 1, AT + 2 * HOUR)


def test_what_is_given_back_may_be_sent() -> None:
    known = NetworkRates()
    assert known.reserve("192.0.2.1", TWO, 5, AT)
    assert known.reserve("192.0.2.1", TWO, 5, AT + HOUR - 1)
    assert not known.reserve("192.0.2.1", TWO, 5, AT + HOUR - 1)
    known.give_back("192.0.2.1", 5, AT)
    assert known.reserve("192.0.2.1", TWO, 5, AT + HOUR - 1)
    known.give_back("192.0.2.1", 5, AT + HOUR - 1)  # said when the next hour has begun already
    known.count("192.0.2.1", 1, 1, AT + HOUR)
    known.give_back("192.0.2.1", 5, AT + HOUR - 1)
    assert known.exceeds("192.0.2.1", TWO, 2, 2, AT + HOUR)
    assert not known.exceeds("192.0.2.1", TWO, 1, 1, AT + HOUR)
    known.give_back("192.0.2.7", 5, AT)  # nobody's, or forgotten
    assert not known.exceeds("192.0.2.7", TWO, 2, 2, AT)


def test_nothing_is_counted_of_this_machine() -> None:
    known = NetworkRates()
    for address in ("127.0.0.1", "::1", "unix"):
        for _ in range(9):
            known.count(address, 1, 1, AT)
        assert not known.exceeds(address, TWO, 1, 1, AT)
    assert len(known) == 0


def test_memory_is_bounded() -> None:
    known = NetworkRates()
    for number in range(rates.MOST + 5):
        known.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1, 1, AT)
    assert len(known) == rates.MOST
    assert not known.exceeds("10.0.0.4", SendLimits(hour_messages=1), 1, 1, AT)
    assert known.exceeds("10.0.0.5", SendLimits(hour_messages=1), 1, 1, AT)
