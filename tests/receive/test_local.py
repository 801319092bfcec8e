from __future__ import annotations

import pytest

from correo.mail.address import Address
from correo.receive.local import LocalSenders

SENDERS = LocalSenders(
    frozenset({"here.example", "mail.here.example"}), {"cron": ("ana@here.example",), "*": ("@list.example",)}
)


@pytest.mark.parametrize(
    ("user", "sender", "own", "allowed"),
    [
        ("ana", "ana@here.example", "ana@here.example", True),
        ("Ana", "ANA+tag@Mail.Here.Example", "ana@mail.here.example", True),
        ("ana", "ana@there.example", "", False),
        ("ana", "eva@here.example", "", False),
        ("cron", "ana@here.example", "", True),  # granted, and still not his name
        ("cron", "any@list.example", "", True),
    ],
)
def test_under_which_names_users_send(user: str, sender: str, own: str, allowed: bool) -> None:
    address = Address.parse(sender)
    assert SENDERS.own(user, address) == own
    assert SENDERS.allows(user, address) is allowed
