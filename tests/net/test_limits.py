"""Who counts as one client."""

from __future__ import annotations

from correo.net.limits import ConnectionLimits, network_of


def test_loopback_is_nobody_in_particular() -> None:
    assert network_of("127.0.0.1") == network_of("::1") == network_of("unix") == ""


def test_a_v6_network_is_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")


def test_the_limit_by_network_lets_others_in() -> None:
    limits = ConnectionLimits(total=3, by_network=1)
    assert limits.enter("192.0.2.1")
    assert not limits.enter("192.0.2.1")
    assert limits.enter("192.0.2.2")
    assert limits.enter("127.0.0.1")
    assert not limits.enter("192.0.2.3")
    limits.leave("192.0.2.1")
    assert limits.enter("192.0.2.1")
