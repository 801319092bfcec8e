"""The tables of `receive`: commands, checks, replies. What is derived from them, and that they are whole."""

from __future__ import annotations

import pytest

from correo.mail.errors import Kind
from correo.mail.status import Status
from correo.receive import checks
from correo.receive.commands import COMMANDS
from correo.receive.options import Profile
from correo.receive.replies import AUTH_STATUSES, FAULTS, HEADER_TOO_BIG, STARVED, STATUSES
from correo.wire.smtp.data import Fault

ALL_STATUSES = [*STATUSES.values(), *AUTH_STATUSES.values(), *FAULTS.values(), STARVED, HEADER_TOO_BIG]


def test_every_kind_of_refusal_has_a_reply() -> None:
    assert set(STATUSES) == set(Kind)
    assert set(AUTH_STATUSES) == set(Kind)


def test_every_fault_has_a_reply() -> None:
    assert set(FAULTS) == set(Fault)
    assert next(iter(FAULTS)) is Fault.TOO_BIG  # of what was swallowed, nothing else is known


@pytest.mark.parametrize("status", ALL_STATUSES, ids=str)
def test_codes_and_enhanced_codes_agree(status: Status) -> None:
    assert status.temporary or status.permanent
    assert status.enhanced[0] == str(status.code)[0]
    assert status.text.isascii()


def test_only_who_knows_the_password_can_tell_accounts_apart() -> None:
    assert AUTH_STATUSES[Kind.DISABLED] == AUTH_STATUSES[Kind.BAD_CREDENTIALS]


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_has_what_it_must(profile: Profile) -> None:
    verbs = [row.verb for row in COMMANDS if profile in row.profiles]
    assert len(set(verbs)) == len(verbs)
    # RFC 5321 §4.5.1, RFC 2033 §4.1
    greetings = {"LHLO"} if profile is Profile.LMTP else {"EHLO", "HELO"}
    assert greetings | {"MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY"} <= set(verbs)
    assert ("AUTH" in verbs) is (profile is Profile.SUBMISSION)
    assert not ({"EHLO", "HELO", "LHLO"} - greetings) & set(verbs)


def test_rows_are_fit_to_print() -> None:
    for row in COMMANDS:
        assert row.verb.isupper()
        assert row.help.startswith(row.verb)
        assert len(row.help) < 500


def test_no_listener_relays_for_strangers() -> None:
    relay = next(check for check in checks.AT_RCPT if check.name == "relay")
    assert relay.profiles == set(Profile)
    assert checks.AT_RCPT[0] is relay


def test_checks_have_names_of_their_own() -> None:
    names = [check.name for check in checks.CHECKS]
    assert len(set(names)) == len(names)
