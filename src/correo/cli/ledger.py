"""`correo ledger`: every recipient ever accepted, and what became of him."""

from __future__ import annotations

from dataclasses import asdict

import click

from correo.cli.terminal import EX_SOFTWARE, Failure, State, json_option, run, say, with_database
from correo.ledger import Balance, balance


@click.command()
@json_option
@click.pass_obj
def command(state: State) -> None:
    """Show the balance: recipients accepted, what became of them, and what still waits.

    What came in must be what went out plus what lies in the queue. Exit status 70 if it is not.
    """
    found: Balance = run(with_database(state.config(), lambda db: db.scan(balance)))
    say(state, "\n".join(lines(found)), **asdict(found))
    if found.difference:
        words = "lost" if found.difference > 0 else "counted twice"
        raise Failure(
            f"the ledger does not balance: {abs(found.difference)} {words}; please report this, "
            "and keep a backup as evidence: correo backup DIR",
            EX_SOFTWARE,
        )


def lines(found: Balance) -> list[str]:
    rows = [
        ("accepted", found.accepted, "recipients, after aliases"),
        ("delivered", -found.delivered, "into mailboxes here"),
        ("relayed", -found.relayed, "to other servers, which took responsibility"),
        ("bounced", -found.bounced, "returned to their senders"),
        ("discarded", -found.discarded, "by a rule that the trace names"),
        ("in the queue", -found.queued_in_queue, "waiting for other servers"),
    ]
    width = max(len(f"{count:,}") for _, count, _ in rows)
    table = [f"{name:<12}  {count:>{width},}  {words}" for name, count, words in rows]
    verdict = "nothing is lost" if not found.difference else "THIS MUST BE ZERO"
    return [
        *table,
        f"{'':<12}  {'-' * width}",
        f"{'difference':<12}  {found.difference:>{width},}  {verdict}",
    ]
