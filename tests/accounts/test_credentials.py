"""Passwords as they are kept."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters

from correo.accounts.credentials import (
    OWASP,
    Cost,
    checkable,
    decoy_hash,
    decoy_keys,
    make_credentials,
    matches,
    outdated,
)
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.wire.sasl import ScramKeys

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)


def test_as_owasp_says() -> None:
    credentials = make_credentials("pencil", SeededChance())
    parameters = extract_parameters(credentials.password)
    assert credentials.password.startswith("$argon2id$")
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 19456, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
    assert PasswordHasher().verify(credentials.password, "pencil")
    keys = credentials.keys
    assert keys == ScramKeys.derive(b"pencil", keys.salt, 65_536)
    assert not outdated(credentials, OWASP)
    assert outdated(credentials, CHEAP)


def test_each_has_salts_of_its_own() -> None:
    chance = SeededChance()
    one, two = (make_credentials("pencil", chance, CHEAP) for _ in range(2))
    assert one.password != two.password
    assert one.keys.salt != two.keys.salt
    assert one.keys.salt not in one.password.encode()


@pytest.mark.parametrize(
    "cost", [Cost(1, 8, 1, 5000), Cost(2, 8, 1, 4096), Cost(1, 16, 1, 4096), Cost(1, 16, 2, 4096)]
)
def test_any_change_of_cost_makes_outdated(cost: Cost) -> None:
    assert outdated(make_credentials("pencil", SeededChance(), CHEAP), cost)


@pytest.mark.parametrize("password", ["", "\u00ad", "x" * 1025, "tab\tbed", "\ud800", "a\u05d0"])
def test_passwords_that_cannot_be(password: str) -> None:
    with pytest.raises(Refused) as caught:
        make_credentials(password, SeededChance(), CHEAP)
    assert caught.value.kind is Kind.BAD_CREDENTIALS
    assert password == "" or password not in caught.value.detail


@pytest.mark.parametrize("typed", ["Ñandú", "N\u0303andu\u0301", "Ñan\u00addú"])
def test_a_password_matches_however_it_is_composed(typed: str) -> None:
    stored = make_credentials("Ñandú", SeededChance(), CHEAP).password
    assert matches(stored, checkable(typed))
    assert not matches(stored, checkable("Nandu"))


@pytest.mark.parametrize("password", ["\0", "x" * 2000, "\ud800"])
def test_what_cannot_be_stored_cannot_match(password: str) -> None:
    assert not matches(make_credentials("pencil", SeededChance(), CHEAP).password, checkable(password))


def test_decoys_look_and_cost_like_the_real_ones() -> None:
    real = make_credentials("pencil", SeededChance(), CHEAP)
    decoy = decoy_hash(CHEAP, SeededChance())
    assert extract_parameters(decoy) == extract_parameters(real.password)
    assert not matches(decoy, b"pencil")

    keys = decoy_keys("eve@example.com", b"secret", CHEAP)
    assert keys == decoy_keys("eve@example.com", b"secret", CHEAP)
    assert keys.salt != decoy_keys("eva@example.com", b"secret", CHEAP).salt
    assert keys.salt != decoy_keys("eve@example.com", b"another", CHEAP).salt
    assert (keys.iterations, len(keys.salt)) == (real.keys.iterations, len(real.keys.salt))
    assert len(keys.stored_key) == len(real.keys.stored_key)
