"""Passwords as they are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import PasswordHasher, extract_parameters

from correo.accounts.credentials import (
    OWASP,
    Cost,
    checkable,
    cost_for,
    decoy_hash,
    decoy_keys,
    make_credentials,
    matches,
    outdated,
)
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.wire.sasl import Digest, ScramKeys

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
BOTH = replace(CHEAP, sha1=True)
DIGESTS: tuple[Digest, ...] = ("sha256", "sha1")


def test_as_owasp_says() -> None:
    credentials = make_credentials("pencil", SeededChance())
    parameters = extract_parameters(credentials.password)
    assert credentials.password.startswith("$argon2id$")
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 19456, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
    assert PasswordHasher().verify(credentials.password, "pencil")
    keys = credentials.scram_keys()
    assert keys
    assert keys == ScramKeys.derive(b"pencil", keys.salt, 65_536)
    assert not outdated(credentials, OWASP)
    assert outdated(credentials, CHEAP)


def test_each_has_salts_of_its_own() -> None:
    chance = SeededChance()
    one, two = (make_credentials("pencil", chance, CHEAP) for _ in range(2))
    assert one.password != two.password
    assert one.scram != two.scram
    assert one.scram.split("$")[1] not in one.password


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

    made = {}
    for digest in DIGESTS:
        keys = made[digest] = decoy_keys("eve@example.com", b"secret", CHEAP, digest)
        assert keys == decoy_keys("eve@example.com", b"secret", CHEAP, digest)
        assert keys.salt != decoy_keys("eva@example.com", b"secret", CHEAP, digest).salt
        assert keys.salt != decoy_keys("eve@example.com", b"another", CHEAP, digest).salt
        true = make_credentials("pencil", SeededChance(), BOTH).scram_keys(digest)
        assert true
        assert (keys.iterations, len(keys.salt), keys.digest) == (true.iterations, len(true.salt), digest)
        assert len(keys.stored_key) == len(true.stored_key)
        assert len(keys.server_key) == len(true.server_key)
    assert made["sha1"].salt != made["sha256"].salt


def test_keys_for_sha1_are_made_where_they_are_wanted() -> None:
    both, one = (make_credentials("pencil", SeededChance(), cost) for cost in (BOTH, CHEAP))
    assert one.scram_sha1 == ""
    assert one.keys("sha1") is None
    for digest in DIGESTS:
        keys = both.scram_keys(digest)
        assert keys
        assert keys == ScramKeys.derive(b"pencil", keys.salt, 4096, digest)
    assert both.scram.split("$")[1] != both.scram_sha1.split("$")[1]
    # Switched on they are added, switched off they are taken away, both when the password is next used.
    assert outdated(one, BOTH)
    assert outdated(both, CHEAP)
    assert not outdated(both, BOTH)
    assert cost_for(["PLAIN", "SCRAM-SHA-1"], CHEAP) == BOTH
    assert cost_for(["PLAIN", "SCRAM-SHA-256-PLUS"], BOTH) == CHEAP
