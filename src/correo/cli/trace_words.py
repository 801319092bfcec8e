"""Journeys as lines for people, and as facts for programs."""

from __future__ import annotations

from typing import Any

from correo import queue
from correo.cli.human import octets, plural, span, when
from correo.cli.queue_words import next_step
from correo.ledger import Entry, Journey, Step, show_id
from correo.mail.instant import SECOND, iso8601
from correo.queue import QueuedRecipient

Waiting = dict[tuple[int, str], QueuedRecipient]  # by message and recipient


def describe(journey: Journey, waiting: Waiting, now: int) -> list[str]:
    """The journey as lines: who sent what, then every event with its moment and how long after acceptance."""
    who = f" by {journey.account}" if journey.account else ""
    source = f" from {journey.source}" if journey.source else ""
    lines = [
        f"{show_id(journey.id)}  {journey.subject or '(no subject)'}",
        f"  {journey.message_id or '(no Message-ID)'}, {octets(journey.size)}",
        f"  from {journey.sender or '<>'}, {journey.protocol}{source}{who}, {when(journey.at)}",
    ]
    width = max((len(entry.recipient) for entry in journey.entries), default=0)
    for entry in journey.entries:
        after = _after(entry.at - journey.at)
        line = f"  {when(entry.at)} {after:>8}  {entry.recipient:<{width}}  {entry.event.value:<9}  {_detail(entry)}"
        lines.append(line.rstrip())
    known = [one for (message_id, _), one in waiting.items() if message_id == journey.id]
    lines += [f"  now waits {'':>19}  {one.folded:<{width}}  {_prospect(one, now)}" for one in known]
    if not journey.pending:
        lines.append(f"  {_ended(journey)}")
    elif not known:
        lines.append(f"  {plural(journey.pending, 'recipient')} not reached yet")
    return lines


def step_line(step: Step) -> str:
    """One event by itself, with what is needed to know of what message it is."""
    journey, entry = step.journey, step.entry
    words = [when(entry.at), show_id(journey.id), f"{entry.event.value:<9}", entry.recipient, _detail(entry)]
    if step.first:
        words.append(f"from {journey.sender or '<>'}: {journey.subject or '(no subject)'}")
    return "  ".join(word for word in words if word)


def facts(journey: Journey, waiting: Waiting) -> dict[str, Any]:
    return {
        **_heading(journey),
        "pending": journey.pending,
        "events": [_event(entry) for entry in journey.entries],
        "waiting": [
            {
                "recipient": one.folded,
                "state": one.state.value,
                "attempts": one.attempts,
                "next_try": iso8601(one.next_try),
            }
            for (message_id, _), one in waiting.items()
            if message_id == journey.id
        ],
    }


def step_facts(step: Step) -> dict[str, Any]:
    return {"message": _heading(step.journey), **_event(step.entry)}


def _heading(journey: Journey) -> dict[str, Any]:
    return {
        "id": show_id(journey.id),
        "at": iso8601(journey.at),
        "protocol": journey.protocol,
        "source": journey.source,
        "account": journey.account,
        "sender": journey.sender,
        "message_id": journey.message_id,
        "subject": journey.subject,
        "size": journey.size,
    }


def _event(entry: Entry) -> dict[str, Any]:
    return {
        "at": iso8601(entry.at),
        "recipient": entry.recipient,
        "event": entry.event.value,
        "host": entry.host,
        "detail": entry.detail,
    }


def _after(duration: int) -> str:
    if duration < SECOND:
        return f"+{duration // 1000}ms" if duration >= 1000 else ""
    return f"+{span(duration)}"


def _detail(entry: Entry) -> str:
    return " ".join(part for part in (f"by {entry.host}:" if entry.host else "", entry.detail) if part)


def _prospect(one: QueuedRecipient, now: int) -> str:
    tries = plural(one.attempts, "attempt")
    step = next_step(one, now)
    words = f"next try {step}" if one.state is queue.State.WAITING else step
    return f"{words}, {tries} so far, given up in {span(one.message.expires - now)}"


def _ended(journey: Journey) -> str:
    ends = [entry.event.value for entry in journey.entries if entry.delta < 0]
    counts = [f"{ends.count(name)} {name}" for name in ("delivered", "relayed", "bounced", "discarded")]
    return "ended: " + (", ".join(words for words in counts if not words.startswith("0 ")) or "handed on")
