"""A message that comes octet by octet costs about what it weighs."""

from __future__ import annotations

import random

from correo.net.limits import Budget
from correo.receive.conversation import PIECE, SMALL, Transaction


def test_small_pieces_are_gathered_in_order() -> None:
    dice = random.Random(5)
    pieces = [dice.randbytes(dice.choice((1, 3, SMALL - 1, SMALL, 5_000))) for _ in range(300)]
    transaction, budget = Transaction(None), Budget(10_000_000)
    for piece in pieces:
        transaction.add(piece, budget)
    transaction.gather()
    assert b"".join(transaction.chunks) == b"".join(pieces)
    assert transaction.held == sum(map(len, pieces))
    transaction.clear(budget)
    assert budget.take(10_000_000)


def test_single_octets_are_not_single_objects() -> None:
    transaction, budget = Transaction(None), Budget(10_000_000)
    for _ in range(3 * PIECE):
        transaction.add(b"x", budget)
    assert len(transaction.chunks) == 3
    assert not transaction.tail
