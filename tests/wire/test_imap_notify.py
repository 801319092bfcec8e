"""NOTIFY on the wire (RFC 5465 §8)."""

from __future__ import annotations

import pytest

from correo.wire.imap import fetch
from correo.wire.imap.fetch import Attribute
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.notify import MAX_GROUPS, MESSAGE_EVENTS, Event, Group, Notify, notify
from correo.wire.imap.sources import MAX_SOURCES, Source

NUMBERS = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE})


def read(wire: bytes) -> Notify:
    args = Arguments(wire)
    asked = notify(args, fetch.ROWS)
    args.end()
    return asked


@pytest.mark.parametrize(
    ("wire", "wanted"),
    [
        (b" NONE", Notify(())),
        (b" SET (SELECTED NONE)", Notify((Group(Source("SELECTED"), frozenset()),))),
        (
            b" set status (selected-delayed (messagenew (uid flags) messageexpunge flagchange)) (personal (mailboxname))",
            Notify(
                (
                    Group(Source("SELECTED-DELAYED"), MESSAGE_EVENTS, (Attribute("UID"), Attribute("FLAGS"))),
                    Group(Source("PERSONAL"), frozenset({Event.MAILBOX_NAME})),
                ),
                status=True,
            ),
        ),
        (
            b' SET (SUBTREE (a "b c") (MessageNew MessageExpunge))',
            Notify((Group(Source("SUBTREE", ("a", "b c")), NUMBERS),)),
        ),
    ],
)
def test_what_is_asked(wire: bytes, wanted: Notify) -> None:
    assert read(wire) == wanted


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b" SET",
        b" SET PERSONAL NONE",
        b" SET (PERSONAL)",
        b" SET (PERSONAL NONE",
        b" SET (PERSONAL (MessageNew))",
        b" SET (PERSONAL (FlagChange))",
        b" SET (PERSONAL (FlagChange MessageNew))",
        b" SET (SELECTED (MailboxName))",
        b" SET (PERSONAL (MessageNew (UID) MessageExpunge))",
        b" SET (SELECTED NONE) (SELECTED NONE)",
    ],
)
def test_what_cannot_be_asked(wire: bytes) -> None:
    with pytest.raises(SyntaxFault) as fault:
        read(wire)
    assert fault.value.status == "BAD"


@pytest.mark.parametrize("event", [b"AnnotationChange", b"Anything"])
def test_other_events_are_refused_with_those_there_are(event: bytes) -> None:
    with pytest.raises(SyntaxFault) as fault:
        read(b" SET (PERSONAL (" + event + b"))")
    assert fault.value.status == "NO"
    assert fault.value.code.startswith("BADEVENT (MessageNew MessageExpunge FlagChange ")


def test_it_is_bounded() -> None:
    group = b" (PERSONAL NONE)"
    assert len(read(b" SET" + group * MAX_GROUPS).groups) == MAX_GROUPS
    names = b" ".join(b"a%d" % number for number in range(MAX_SOURCES + 1))
    for wire in (group * (MAX_GROUPS + 1), b" (MAILBOXES (" + names + b") NONE)"):
        with pytest.raises(SyntaxFault) as fault:
            read(b" SET" + wire)
        assert (fault.value.status, fault.value.code) == ("NO", "NOTIFICATIONOVERFLOW")
