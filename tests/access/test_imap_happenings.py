"""What NOTIFY tells of two looks at the same mailboxes."""

from __future__ import annotations

from collections.abc import Mapping

from correo.access.imap.happenings import Comparison, Filter, Happened, Sight, Spot
from correo.access.imap.own import MAX_OWN, Own
from correo.mailbox import ACCOUNT, What
from correo.wire.imap.notify import MESSAGE_EVENTS, Event, Group
from correo.wire.imap.sources import Source

EVERYTHING = frozenset(Event)


def spot(id: int, name: str, *, messages: int = 0, unseen: int = 0, modseq: int = 1, **notes: int) -> Spot:
    return Spot(id, 7, name, True, 100 + id, messages + 1, messages, unseen, modseq, "", notes)


def sight(*spots: Spot, subscribed: tuple[str, ...] = (), noted: Mapping[str, int] | None = None) -> Sight:
    return Sight({one.id: one for one in spots}, frozenset(subscribed), noted or {}, {7: 1})


def told(
    before: Sight,
    after: Sight,
    happened: Happened,
    *groups: Group,
    selected: int = 0,
    condstore: bool = False,
) -> list[bytes]:
    wanted = Filter(groups or (Group(Source("PERSONAL"), EVERYTHING),))
    return Comparison(before, after, happened, wanted, selected, condstore=condstore, utf8=False).told()


def test_groups_add_up_and_none_takes_away() -> None:
    wanted = Filter(
        (
            Group(Source("MAILBOXES", ("INBOX",)), MESSAGE_EVENTS),
            Group(Source("PERSONAL"), frozenset({Event.SUBSCRIPTION_CHANGE})),
            Group(Source("SUBTREE", ("Lists",)), frozenset()),
            Group(Source("SUBSCRIBED"), frozenset({Event.MAILBOX_NAME})),
            Group(Source("SUBTREE-ONE", ("Other Users/bob@example.org/a",)), MESSAGE_EVENTS),
        )
    )
    assert wanted.of("INBOX", ()) == MESSAGE_EVENTS | {Event.SUBSCRIPTION_CHANGE}
    assert wanted.of("Sent", {"Sent"}) == {Event.SUBSCRIPTION_CHANGE, Event.MAILBOX_NAME}
    assert wanted.of("Lists", ()) == frozenset()
    assert wanted.of("Lists/a/b", {"Lists/a/b"}) == frozenset()
    assert wanted.of("Lists2", ()) == {Event.SUBSCRIPTION_CHANGE}
    assert wanted.of("Other Users/bob@example.org/INBOX", ()) == frozenset()
    assert wanted.of("Other Users/bob@example.org/a/b", ()) == MESSAGE_EVENTS
    assert wanted.of("Other Users/bob@example.org/a/b/c", ()) == frozenset()


def test_what_nobody_else_did_is_not_told() -> None:
    before, after = sight(spot(1, "a")), sight(spot(1, "b", messages=2, modseq=5), spot(2, "c"))
    assert told(before, after, {}) == []


def test_several_things_at_once_are_told_once_and_names_first() -> None:
    before = sight(spot(1, "a"), spot(2, "b/c"), spot(3, "d", messages=3))
    after = sight(
        spot(1, "z", messages=1, unseen=1, modseq=5), spot(4, "b/c/e", modseq=6), subscribed=("z", "d")
    )
    happened = {
        1: frozenset({What.RENAME, What.APPEND}),
        2: frozenset({What.DELETE}),
        3: frozenset({What.DELETE}),
        4: frozenset({What.CREATE}),
        ACCOUNT: frozenset({What.SUBSCRIBE}),
    }
    assert told(before, after, happened, condstore=True) == [
        b'* LIST (\\NonExistent \\HasChildren) "/" b\r\n',
        b'* LIST (\\NonExistent \\HasChildren) "/" b/c\r\n',
        b'* LIST (\\HasNoChildren) "/" b/c/e\r\n',
        b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" d\r\n',
        b'* LIST (\\HasNoChildren \\Subscribed) "/" z ("OLDNAME" (a))\r\n',
        b"* STATUS z (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 101 UNSEEN 1 HIGHESTMODSEQ 5)\r\n",
        b"* STATUS b/c/e (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 104 UNSEEN 0 HIGHESTMODSEQ 6)\r\n",
    ]


def test_what_moves_with_its_parent_is_not_told() -> None:
    before = sight(spot(1, "a"), spot(2, "a/b"), spot(3, "a/c"))
    after = sight(spot(1, "x"), spot(2, "x/b"), spot(3, "x/d"))
    happened = dict.fromkeys((1, 2, 3), frozenset({What.RENAME}))
    assert told(before, after, happened) == [
        b'* LIST (\\HasChildren) "/" x ("OLDNAME" (a))\r\n',
        b'* LIST (\\HasNoChildren) "/" x/d ("OLDNAME" (a/c))\r\n',
    ]


def test_the_selected_mailbox_has_its_own_words() -> None:
    before, after = sight(spot(1, "a")), sight(spot(1, "a", messages=1, modseq=2, comment=1))
    happened = {1: frozenset({What.APPEND, What.METADATA})}
    assert told(before, after, happened, selected=1) == [b"* METADATA a comment\r\n"]
    assert len(told(before, after, happened)) == 2


def test_a_mailbox_that_cannot_be_read_is_told_by_its_name_alone() -> None:
    hidden = spot(1, "a", messages=3, modseq=2, comment=1)._replace(readable=False)
    happened = {1: frozenset({What.ACL, What.APPEND, What.METADATA})}
    assert told(sight(), sight(hidden), happened) == [b'* LIST (\\HasNoChildren) "/" a\r\n']
    gone = told(sight(hidden), sight(), {1: frozenset({What.ACL})})
    assert gone == [b'* LIST (\\NonExistent \\NoAccess \\HasNoChildren) "/" a\r\n']


def test_annotations_of_the_server() -> None:
    before, after = sight(noted={"/private/a": 1, "/private/b": 1}), sight(noted={"/private/a": 2})
    happened = {ACCOUNT: frozenset({What.METADATA})}
    assert told(before, after, happened) == [b'* METADATA "" /private/a /private/b\r\n']


def test_own_changes_are_cut_out_of_what_others_did() -> None:
    own = Own()
    own.spans[7] = [(3, 4), (6, 8)]
    assert own.others(7, 2, 9) == [(2, 3), (4, 6), (8, 9)]
    assert own.others(7, 3, 4) == []
    assert own.others(7, 7, 8) == []
    assert own.others(7, 7, 10) == [(8, 10)]
    assert own.others(8, 0, 1) == [(0, 1)]
    assert own.of(7, 7) == [(7, 8)]
    assert MAX_OWN > 1


def test_a_mailbox_that_comes_to_be_watched_by_its_new_name_is_told_as_it_is() -> None:
    watched = Group(Source("MAILBOXES", ("Work",)), MESSAGE_EVENTS - {Event.FLAG_CHANGE})
    before, after = sight(spot(1, "Play", messages=3)), sight(spot(1, "Work", messages=3, modseq=2))
    renamed = {1: frozenset({What.RENAME})}
    assert told(before, after, renamed, watched) == [b"* STATUS Work (MESSAGES 3 UIDNEXT 4)\r\n"]
    assert told(after, before, renamed, watched) == []
    both = Group(Source("PERSONAL"), MESSAGE_EVENTS)
    assert told(before, after, renamed, both) == []


def test_what_takes_the_name_of_another_is_told_where_it_differs() -> None:
    group = Group(Source("MAILBOXES", ("a",)), MESSAGE_EVENTS - {Event.FLAG_CHANGE})
    before = sight(spot(1, "a", messages=2), spot(2, "b", messages=2), spot(3, "c"))
    same, other = sight(spot(2, "a", messages=2, modseq=2)), sight(spot(3, "a", modseq=2))
    deleted = {1: frozenset({What.DELETE})}
    assert told(before, same, {**deleted, 2: frozenset({What.RENAME})}, group) == []
    assert told(before, other, {**deleted, 3: frozenset({What.RENAME})}, group) == [
        b"* STATUS a (MESSAGES 0 UIDNEXT 1)\r\n"
    ]
