"""A mail transaction, and the memory it takes from the budget of all."""

from __future__ import annotations

from correo.mail.address import Address
from correo.mail.envelope import EIGHT_BIT, Envelope
from correo.net.limits import Budget
from correo.receive.conversation import Transaction

ALICE, CAROL = Address.parse("Alice@example.org"), Address.parse("carol@example.org")


def test_nobody_is_in_the_envelope_twice() -> None:
    again = Address.parse("ALICE@EXAMPLE.ORG")
    transaction = Transaction(CAROL, EIGHT_BIT, True, [ALICE, CAROL, again])
    assert transaction.envelope == Envelope(CAROL, (ALICE, CAROL), EIGHT_BIT, True)
    assert len(transaction.recipients) == 3


def test_chunks_are_charged_and_given_back() -> None:
    budget = Budget(100)
    one, two = Transaction(None), Transaction(None)
    one.add(b"x" * 60, budget)
    two.add(b"x" * 40, budget)
    assert budget.used == 100
    one.clear(budget)
    one.clear(budget)
    assert budget.used == 40
    assert not one.chunks


def test_a_starved_transaction_holds_nothing() -> None:
    budget = Budget(100)
    transaction = Transaction(None)
    transaction.add(b"x" * 60, budget)
    transaction.add(b"x" * 60, budget)
    transaction.add(b"x", budget)
    assert transaction.starved
    assert not transaction.chunks
    assert budget.used == 0
