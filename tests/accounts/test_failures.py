"""Who fails again and again: answered slowly, banned, forgotten."""

from __future__ import annotations

import contextlib

import pytest

from correo.accounts.failures import (
    HOME_RENEWED,
    HOMES,
    SLOWEST,
    Client,
    Failures,
    Patience,
    Recent,
    delay,
    is_within,
    wide_network_of,
)
from correo.clock.virtual import START
from correo.mail.errors import Refused
from correo.mail.instant import MINUTE, SECOND

ALICE = "alice@example.org"
HERE, NEAR, FAR = (Client("imap", address) for address in ("192.0.2.1", "192.0.2.99", "203.0.113.1"))
PATIENCE = Patience(failures=4, window=10 * MINUTE, ban=15 * MINUTE)


def banned(failures: Failures, client: Client, login: str = "", now: int = START) -> bool:
    with contextlib.suppress(Refused):
        failures.check(client, login, now)
        return False
    return True


def fail(failures: Failures, client: Client, times: int, login: str = "", now: int = START) -> float:
    return [failures.failed(client, login, b"", now) for _ in range(times)][-1]


def test_a_network_is_banned_for_a_time() -> None:
    failures = Failures(PATIENCE)
    fail(failures, HERE, 3)
    assert not banned(failures, HERE)
    fail(failures, HERE, 1)
    assert banned(failures, HERE)
    assert banned(failures, Client("pop3", HERE.address)), "by every protocol"
    assert not banned(failures, NEAR)
    assert banned(failures, HERE, now=START + 15 * MINUTE - 1)
    assert not banned(failures, HERE, now=START + 15 * MINUTE)
    assert not banned(failures, HERE, now=START - MINUTE), "a clock that was set back makes no ban longer"


def test_who_goes_on_after_a_ban_is_banned_sooner() -> None:
    failures = Failures(Patience(failures=4, window=1000 * MINUTE, ban=MINUTE))
    fail(failures, HERE, 4)
    fail(failures, HERE, 3, now=START + MINUTE)
    assert banned(failures, HERE, now=START + MINUTE)


def test_a_ban_is_no_time_to_forget() -> None:
    failures = Failures(PATIENCE)
    fail(failures, HERE, 6)
    after = START + PATIENCE.ban
    assert not banned(failures, HERE, now=after)
    fail(failures, HERE, 2, now=after)
    assert banned(failures, HERE, now=after)


def test_failures_are_forgotten() -> None:
    failures = Failures(PATIENCE)
    for minute in range(0, 60, 3):
        fail(failures, HERE, 1, now=START + minute * MINUTE)
    assert not banned(failures, HERE, now=START + 60 * MINUTE)


def test_a_wider_network_and_ipv6() -> None:
    failures = Failures(PATIENCE)
    for number in range(20):
        fail(failures, Client("smtp", f"192.0.2.{number}"), 1)
    assert banned(failures, NEAR)
    assert not banned(failures, FAR)
    fail(failures, Client("smtp", "2001:db8::1"), 4)
    assert banned(failures, Client("smtp", "2001:db8::2"))
    assert not banned(failures, Client("smtp", "2001:db8:0:1::1"))
    assert wide_network_of("2001:db8:1:2::3") == "2001:db8:1::/48"


def test_a_login_name_is_barred_to_strangers_alone() -> None:
    failures = Failures(PATIENCE)
    failures.succeeded(HERE, ALICE, START)
    for number in range(20):
        fail(failures, Client("imap", f"198.51.{number}.1"), 1, login=f" {ALICE.upper()}")
    assert banned(failures, FAR, ALICE)
    assert not banned(failures, FAR, "bob@example.org")
    assert not banned(failures, HERE, ALICE), "the owner is not locked out"


def test_the_owner_is_at_home_in_the_networks_around_his_own() -> None:
    failures = Failures(PATIENCE)
    failures.succeeded(Client("imap", "2001:db8:7:1::1"), ALICE, START)
    for number in range(20):
        fail(failures, Client("imap", f"198.51.{number}.1"), 1, login=ALICE)
    assert not banned(failures, Client("imap", "2001:db8:7:2::1"), ALICE)
    assert banned(failures, Client("imap", "2001:db8:8:1::1"), ALICE)


def test_a_home_is_news_when_it_was_not_told_for_a_while() -> None:
    failures = Failures(PATIENCE)
    there = Client("imap", "198.51.100.7")
    assert failures.succeeded(there, ALICE, START)
    assert not failures.succeeded(there, ALICE.upper(), START + HOME_RENEWED - 1)
    assert failures.succeeded(there, "bob@example.org", START)
    assert failures.succeeded(there, ALICE, START + HOME_RENEWED)
    assert not failures.succeeded(there, ALICE, START + 2 * HOME_RENEWED - 1)
    assert failures.succeeded(there, ALICE, START), "the clock was set back"
    assert not failures.succeeded(Client("imap", "127.0.0.1"), ALICE, START), "nothing is counted of it"


def test_homes_are_bounded() -> None:
    failures = Failures(PATIENCE)
    for number in range(HOMES + 1):
        failures.succeeded(Client("imap", f"198.51.{number}.1"), ALICE, START)
    for number in range(20):
        fail(failures, Client("imap", f"203.0.{number}.1"), 1, login=ALICE)
    assert banned(failures, Client("imap", "198.51.0.1"), ALICE)
    assert not banned(failures, Client("imap", "198.51.1.1"), ALICE)


def test_the_same_wrong_password_counts_once() -> None:
    failures = Failures(PATIENCE)
    for _ in range(50):
        assert failures.failed(HERE, ALICE, b"old password", START) == 0.0
    assert not banned(failures, HERE)
    for number in range(3):
        failures.failed(HERE, ALICE, b"guess %d" % number, START)
    assert banned(failures, HERE)


def test_answers_become_slower() -> None:
    assert [delay(level) for level in (0, 1, 2, 3, 4, 5, 7, 8, 1e9)] == [0, 0, 0, 1, 2, 4, 16, 16, SLOWEST]
    failures = Failures(Patience(failures=100))
    assert fail(failures, HERE, 2, ALICE) == 0
    assert fail(failures, HERE, 2, ALICE) == 2
    assert fail(failures, FAR, 1, ALICE) > 2, "the name is known to be attacked"
    assert fail(failures, FAR, 1, "bob@example.org") == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "unix", ""])
def test_nothing_is_counted_of_this_machine(address: str) -> None:
    failures = Failures(PATIENCE)
    client = Client("imap", address)
    assert fail(failures, client, 50, ALICE) == 0
    assert not banned(failures, client, ALICE)
    assert not banned(failures, FAR, ALICE)


def test_networks_that_are_exempt_and_no_bans_at_all() -> None:
    failures = Failures(Patience(failures=4, exempt=("unix", "192.0.2.0/24")))
    fail(failures, HERE, 50, ALICE)
    assert not banned(failures, HERE, ALICE)
    never = Failures(Patience(failures=0))
    assert fail(never, HERE, 50, ALICE, START + SECOND) == SLOWEST
    assert not banned(never, HERE, ALICE, START + SECOND)
    assert is_within("2001:db8::1", ("2001:db8::/32",))
    assert not is_within("unix", ("2001:db8::/32",))


def test_memory_is_bounded() -> None:
    recent: Recent[int, int] = Recent(3)
    for number in (1, 2, 3, 1, 4):
        recent.put(number, number)
    assert len(recent) == 3
    assert (recent.get(1), recent.get(2), recent.get(4)) == (1, None, 4)
