"""Names in the three namespaces, what the bus is asked for, and what rights leave of STORE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo import mailbox
from correo.access.imap import rights
from correo.access.imap.flags import Announced
from correo.access.imap.listening import Listening
from correo.access.imap.namespaces import Foreign, canonical, foreign, inbox_at, reserved, spelled
from correo.access.imap.patterns import compile_pattern
from correo.access.imap.rights import Access
from correo.clock.virtual import START, SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, SEEN, SYSTEM, Flags
from correo.mailbox import ALL_RIGHTS, MAX_UID, Identity
from correo.mailbox.flagging import How
from correo.storage.bus import Topic, account
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

BOB = "bob@example.org"


def refusal(act: Callable[[], None]) -> Kind | None:
    try:
        act()
    except Refused as refused:
        return refused.kind
    return None


# -- names ------------------------------------------------------------------------------------------------------------------

locals_ = st.text("ab/*%=.#&'+-{|}~é @\"\\", min_size=1, max_size=12)


@settings(deadline=None, max_examples=300)
@given(st.booleans(), locals_, st.sampled_from(["INBOX", "INBOX/a", "x", "Entwürfe/y", "a=2Fb"]))
def test_names_lead_back_to_what_they_are_about(shared: bool, local: str, inner: str) -> None:
    address = f"{local}@example.org".lower()
    name = spelled(shared, address, inner)
    assert foreign(name) == Foreign(shared, address, inner)
    assert canonical(name) == name
    assert name.count("/") == 2 + inner.count("/")
    level = name.split("/")[1]
    assert not set("*%") & set(level), "such a level could never be listed alone"


@pytest.mark.parametrize(
    "name",
    [
        "INBOX",
        "",
        "Shared",
        "Shared/",
        "Other Users",
        "Shared/x",
        "Other Users/@/x",
        "shared/a@b/x",
        "x/a@b.c/y",
    ],
)
def test_names_that_are_ones_own(name: str) -> None:
    assert foreign(name) is None


def test_spellings() -> None:
    assert foreign("Other Users/BOB@Example.ORG/inbox/X") == Foreign(False, BOB, "INBOX/X")
    assert canonical("Other Users/BOB@Example.ORG/inbox/X") == f"Other Users/{BOB}/INBOX/X"
    assert canonical("inbox") == "INBOX"
    assert foreign(f"Shared/{BOB}") == Foreign(True, BOB, "")
    assert canonical(f"Shared/{BOB}") == f"Shared/{BOB}"


def test_names_that_nobody_can_have() -> None:
    assert all(map(reserved, ["Shared", "Shared/x", "Other Users", "Other Users/x/y"]))
    assert not any(map(reserved, ["shared", "SharedX", "x/Shared", "INBOX/Shared"]))


def test_inbox_in_any_case_wherever_it_stands() -> None:
    assert [inbox_at(name) for name in ("INBOX", "INBOX/x", "INBOXES", "x/INBOX", "Shared/a@b/INBOX")] == [
        0,
        0,
        -1,
        -1,
        11,
    ]
    for pattern in ("Other Users/%/inbox", "Other Users/*/iNb%", f"Other Users/{BOB}/inbox"):
        assert compile_pattern(pattern)(f"Other Users/{BOB}/INBOX")
        assert not compile_pattern(pattern)(f"Other Users/{BOB}/Inboxes/x")
    assert not compile_pattern("*/sent")(f"Other Users/{BOB}/Sent")


# -- the bus ----------------------------------------------------------------------------------------------------------------


def test_each_topic_is_heard_once_whatever_the_reasons() -> None:
    bus, heard = LocalBus(), [0]

    def stirred() -> None:
        heard[0] += 1

    def tell(*topics: Topic) -> int:
        heard[0] = 0
        for topic in topics:
            bus.publish(topic)
        return heard[0]

    listening = Listening(bus, stirred)
    listening.to("account", [account(1)])
    listening.to("selected", [account(1)])
    assert tell(account(1), account(2)) == 1
    listening.to("selected", [account(2)])
    assert tell(account(1), account(2)) == 2
    listening.to("account", ())
    assert tell(account(1), account(2)) == 1
    listening.stop()
    assert tell(account(1), account(2)) == 0
    listening.to("account", [account(1)])
    assert tell(account(1), account(2)) == 1


# -- rights -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "lasting"),
    [
        ("lr", ""),
        ("lrs", "\\Seen"),
        ("lrt", "\\Deleted"),
        ("lrw", "\\Answered \\Flagged \\Draft \\*"),
        ("lrswt", "\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*"),
    ],
)
def test_flags_that_last(held: str, lasting: str) -> None:
    """RFC 4314 §5.1.1."""
    code = b"[PERMANENTFLAGS (%b)]" % lasting.encode()
    assert code in Announced(False, frozenset(held)).lines()
    announced = Announced(False)
    assert code in announced.changed(frozenset(held))
    assert b"[PERMANENTFLAGS ()]" in Announced(True, frozenset(held)).lines()


def test_who_may_ask_write_and_annotate() -> None:
    assert [rights.knows(frozenset(held)) for held in ("", "sw", "pte", "l", "a")] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert [rights.writes(frozenset(held)) for held in ("lrs", "lri", "t", "w", "e")] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert [rights.annotates(frozenset(held)) for held in ("l", "lr", "rw", "lp")] == [
        False,
        True,
        False,
        True,
    ]


def classes(flags: Flags) -> dict[str, set[str]]:
    """The flags by the right that each needs."""
    names = {"s": set(), "t": set(), "w": {word.lower() for word in flags.keywords}}  # type: dict[str, set[str]]
    for name, bit in SYSTEM.items():
        if flags.bits & bit:
            names["s" if bit == SEEN else "t" if bit == DELETED else "w"].add(name)
    return names


def stored(before: Flags, how: How, given: Flags, held: frozenset[str]) -> dict[str, set[str]]:
    """What RFC 4314 §4 has of it: each class of flags changes if its right is held, and else does not."""
    old, wanted = classes(before), classes(given)
    for right in old.keys() & held:
        if how == "add":
            old[right] |= wanted[right]
        elif how == "remove":
            old[right] -= wanted[right]
        else:
            old[right] = wanted[right]
    return old


async def test_store_changes_what_the_rights_reach_to(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    chance, dice = SeededChance(3), Random(4)
    words = ("$a", "$b", "$c")

    def flags() -> Flags:
        return Flags(dice.randrange(32), tuple(word for word in words if dice.random() < 0.4))

    async def prepare(tx: Tx) -> int:
        await mailbox.open_account(tx, 1, chance, START)
        box = await mailbox.inbox(tx, 1)
        assert box is not None
        prepared = mailbox.prepare(b"a: b\r\n\r\n")
        content_id = chance.id(START)
        await mailbox.store(tx, prepared, content_id, START)
        for _ in range(6):
            await mailbox.append(
                tx, box.id, content_id=content_id, size=8, flags=flags(), received=START, now=START, reader=2
            )
        return box.id

    box_id = await db.write(prepare)
    access = Access(box_id, 1, Identity(2, "example.org"))

    async def state(tx: Tx) -> list[Flags]:
        rows = await mailbox.messages(tx, box_id, [(1, MAX_UID)], reader=2)
        return [Flags.stored(row.flags, row.keywords) for row in rows]

    for _ in range(300):
        held = frozenset(right for right in "stw" if dice.random() < 0.6)
        how: How = dice.choice(("add", "remove", "replace"))
        given_flags = flags()
        before = await db.read(state)

        async def act(tx: Tx) -> bool:
            await mailbox.set_rights(tx, box_id, 2, "", False, "replace", held | {"l"}, START)  # noqa: B023
            try:
                await rights.change_flags(tx, access, [(1, MAX_UID)], how, given_flags, START)  # noqa: B023
            except Refused as refused:
                if refused.kind is not Kind.NO_PERMISSION:
                    raise
                return False
            return True

        done = await db.write(act)
        after = await db.read(state)
        if done:
            assert [classes(one) for one in after] == [stored(one, how, given_flags, held) for one in before]
        else:
            assert after == before
            named = {right for right, found in classes(given_flags).items() if found}
            assert not held & (named or set("stw"))
    await db.close()


async def test_owners_need_no_list(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    own = Access(1, 5, Identity(5, ""))
    assert await db.read(rights.granted, own) == ALL_RIGHTS
    assert own.reader == 0
    await db.close()
