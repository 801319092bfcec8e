"""The queue in words and in rows: for tables, for programs, for one message at a time."""

from __future__ import annotations

from typing import Any

from correo import ledger
from correo.cli.human import octets, plural, span, until, when
from correo.cli.terminal import Columns
from correo.ledger import show_id
from correo.mail.instant import iso8601
from correo.mail.terms import Terms
from correo.mail.way import of_destination
from correo.queue import Census, QueuedRecipient
from correo.queue.states import State as Stage
from correo.transport.settling import Policy


def row_of(recipient: QueuedRecipient) -> dict[str, Any]:
    """As programs read it."""
    return {
        "id": show_id(recipient.message.id),
        "sender": recipient.message.sender,
        "recipient": recipient.address,
        "state": recipient.state.value,
        "attempts": recipient.attempts,
        "queued": iso8601(recipient.created),
        "next_try": iso8601(recipient.next_try) if recipient.state is Stage.WAITING else None,
        "expires": iso8601(recipient.message.expires),
        "size": recipient.message.size,
        "destination": recipient.destination,
        "host": recipient.host,
        "last_reply": str(recipient.status) if recipient.status else "",
    }


def columns(found: list[QueuedRecipient], now: int) -> Columns:
    by_row = {(show_id(one.message.id), one.address): one for one in found}

    def of(row: dict[str, Any]) -> QueuedRecipient:
        return by_row[row["id"], row["recipient"]]

    return {
        "id": lambda row: str(row["id"]),
        "sender": lambda row: row["sender"] or "<>",
        "recipient": lambda row: str(row["recipient"]),
        "age": lambda row: span(now - of(row).created),
        "attempts": lambda row: str(row["attempts"]),
        "next try": lambda row: next_step(of(row), now),
        "last reply": lambda row: row["last_reply"] or "-",
    }


def next_step(recipient: QueuedRecipient, now: int) -> str:
    match recipient.state:
        case Stage.HELD:
            return "held"
        case Stage.ACTIVE:
            return "being tried"
        case Stage.WAITING:
            return until(recipient.next_try, now)


def summary(census: Census, shown: int, now: int) -> str:
    total = sum(census.recipients.values())
    stages = ", ".join(f"{count} {stage.value}" for stage, count in census.recipients.items() if count)
    words = f"{plural(total, 'recipient')} of {plural(census.messages, 'message')} ({stages}), {octets(census.size)}"
    if census.oldest is not None:
        words += f", the oldest from {span(now - census.oldest)} ago"
    return f"\n{words}" + (f"; shown: {shown}" if shown < total else "")


def facts(found: list[QueuedRecipient], journey: ledger.Journey | None, policy: Policy) -> dict[str, Any]:
    message = found[0].message
    rows = [row_of(one) for one in found]
    own = ("recipient", "destination", "state", "attempts", "next_try", "host", "last_reply")
    return {
        "id": show_id(message.id),
        "sender": message.sender,
        "subject": journey.subject if journey else "",
        "message_id": journey.message_id if journey else "",
        "size": message.size,
        "arrived": iso8601(message.created),
        "expires": iso8601(message.gives_up),
        "deliver_by": iso8601(message.terms.deliver_by) if message.terms.deliver_by else None,
        "priority": message.terms.priority,
        "recipients": [
            {name: row[name] for name in own} | {"expires": iso8601(policy.gives_up(one))}
            for one, row in zip(found, rows, strict=True)
        ],
    }


def _terms(terms: Terms, now: int) -> list[str]:
    """What the sender has asked for, where he has."""
    lines = []
    if terms.deliver_by:
        wish = "back" if terms.by_return else "word"
        lines.append(
            f"wanted by   {when(terms.deliver_by)}, {until(terms.deliver_by, now)}, or else {wish} to the sender"
        )
    if terms.priority:
        lines.append(f"priority    {terms.priority}")
    return lines


def described(
    found: list[QueuedRecipient], journey: ledger.Journey | None, policy: Policy, now: int
) -> list[str]:
    message = found[0].message
    lines = [f"message     {show_id(message.id)}"]
    if journey:
        lines += [f"Message-ID  {journey.message_id or '-'}", f"subject     {journey.subject or '-'}"]
    lines += [
        f"sender      {message.sender or '<> (a bounce)'}",
        f"size        {octets(message.size)}",
        f"arrived     {when(message.created)}, {span(now - message.created)} ago",
        f"given up    {when(message.gives_up)}, {until(message.gives_up, now)}",
        *_terms(message.terms, now),
    ]
    for one in found:
        lines += [
            "",
            f"to          {one.address}" + (f" (for {one.original})" if one.original != one.address else ""),
        ]
        way, _ = of_destination(one.destination)
        if way:
            lines += [f"way         {way}, by the operator"]
        lines += [f"state       {one.state.value}, {plural(one.attempts, 'attempt')} so far"]
        if (expires := policy.gives_up(one)) != message.gives_up:
            lines += [f"given up    {when(expires)}, {until(expires, now)}, by its route"]
        if one.state is Stage.WAITING:
            lines += [f"next try    {when(one.next_try)}, {next_step(one, now)}"]
        if one.status:
            lines += [f"last reply  {one.status}"]
        if one.host:
            lines += [f"from        {one.host}"]
    return [*lines, "", f"its journey so far: correo trace {show_id(message.id)}"]
