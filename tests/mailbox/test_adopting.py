"""Mail of another server: brought once, with UIDs that clients can rely on, or else with a new UIDVALIDITY."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, SEEN, Flags
from correo.mailbox import Arrival, Mailbox
from correo.storage.db import Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.sqlite import SqliteTx, drive

P = ParamSpec("P")
T = TypeVar("T")

NOW = 1_767_225_600_000_000
ACCOUNT = 3
THEIRS = 1_275_660_208  # the UIDVALIDITY there
PREPARED = mailbox.prepare(b"Subject: one\r\n\r\nbody\r\n")


class House:
    def __init__(self) -> None:
        self.chance = SeededChance()
        self.connection = apsw.Connection(":memory:")
        self.do(migrate, migrations(), NOW)
        self.do(mailbox.open_account, ACCOUNT, self.chance, NOW)
        self.box = self.inbox.id

    def do(self, op: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return drive(op(SqliteTx(self.connection), *args, **kwargs))

    @property
    def inbox(self) -> Mailbox:
        found = self.do(mailbox.inbox, ACCOUNT)
        assert found
        return found

    @property
    def uids(self) -> list[int]:
        return self.do(mailbox.uids, self.box)

    def arrival(self, uid: int | None, **more: Any) -> Arrival:
        id = self.chance.id(NOW)
        fields = {"flags": Flags(), "uidl": None, "source": b"%016d" % (uid or id % 10**15)} | more
        return Arrival(
            prepared=PREPARED, content_id=id, received=NOW - 5, received_zone=60, uid=uid, **fields
        )

    def begin(
        self, uidnext: int = 101, uidvalidity: int = THEIRS, listed: dict[bytes, int] | None = None
    ) -> bool:
        return self.do(mailbox.begin_adoption, self.box, uidvalidity, uidnext, lambda: listed or {}, NOW)

    def adopt(self, *uids: int | None) -> None:
        self.do(mailbox.adopt, self.box, [self.arrival(uid) for uid in uids], NOW)

    def end(self) -> bool:
        return self.do(mailbox.end_adoption, self.box, NOW)

    def deliver(self, name: str = mailbox.INBOX) -> int:
        box = self.do(mailbox.find, ACCOUNT, name)
        if box is None:
            raise Refused(Kind.NOT_FOUND, name)
        id = self.do(mailbox.store, PREPARED, self.chance.id(NOW), NOW)
        return self.do(
            mailbox.append, box.id, content_id=id, size=PREPARED.size, flags=Flags(), received=NOW, now=NOW
        ).uid


@pytest.fixture
def house() -> House:
    return House()


def test_a_mailbox_becomes_the_one_that_clients_knew(house: House) -> None:
    own = house.inbox.uidvalidity
    assert house.begin()
    house.adopt(3, 7, 90)
    assert house.inbox.uidvalidity == own  # not before all of it is here
    house.adopt(95, None)
    assert house.end()
    assert house.uids == [3, 7, 90, 95, 101]  # what had no UID there gets one that nothing had
    assert (house.inbox.uidvalidity, house.inbox.uidnext) == (THEIRS, 102)
    assert house.deliver() == 102


def test_uids_that_went_there_are_not_given_here(house: House) -> None:
    house.begin(uidnext=500)
    house.adopt(1)
    house.end()
    assert house.deliver() == 500


def test_what_is_brought_counts_and_is_told(house: House) -> None:
    before = house.inbox.modseq
    arrivals = [house.arrival(1, flags=Flags(SEEN)), house.arrival(2, flags=Flags(DELETED, ("Work",)))]
    house.do(mailbox.adopt, house.box, arrivals, NOW)
    box = house.inbox
    assert (box.messages, box.unseen, box.deleted, box.size) == (2, 1, 1, 2 * PREPARED.size)
    assert house.do(mailbox.changes, house.box, before).appended == (1, 2)
    first, second = house.do(mailbox.messages, house.box)
    assert (first.received, first.received_zone, first.saved) == (NOW - 5, 60, NOW)
    assert (second.flags, second.keywords) == (DELETED, "Work")
    assert house.do(mailbox.quota, ACCOUNT).messages == 2


def test_a_quota_does_not_keep_old_mail_out(house: House) -> None:
    house.do(mailbox.set_limits, ACCOUNT, messages=1, size=1, mailboxes=None)
    house.adopt(1, 2, 3)
    assert house.uids == [1, 2, 3]


def test_what_is_brought_is_recent_to_nobody(house: House) -> None:
    house.adopt(1, 2)
    assert house.do(mailbox.take_recent, house.box) == 3
    house.deliver()
    house.adopt(4)
    assert house.do(mailbox.take_recent, house.box) == 3  # what was delivered still is


def test_sources_are_known_once_they_were_brought(house: House) -> None:
    many = [b"%016d" % number for number in range(1, 151)]
    assert house.do(mailbox.known_sources, ACCOUNT, many) == set()
    house.adopt(*range(1, 150))
    assert house.do(mailbox.known_sources, ACCOUNT, many) == set(many[:-1])
    assert house.do(mailbox.known_sources, ACCOUNT + 1, many) == set()
    house.do(mailbox.remove_account, ACCOUNT, NOW)
    assert house.do(mailbox.known_sources, ACCOUNT, many) == set()


def test_a_mailbox_that_had_messages_keeps_its_own_uids(house: House) -> None:
    house.deliver()
    assert not house.begin()
    house.adopt(50, 60)
    assert not house.end()
    assert house.uids == [1, 2, 3]


@pytest.mark.parametrize(
    ("uidvalidity", "uidnext"), [(0, 5), (2**32 - 1, 5), (5, 0), (5, 2**32), (5, 2**31 + 1), (-1, 5)]
)
def test_nonsense_is_not_adopted(house: House, uidvalidity: int, uidnext: int) -> None:
    assert not house.begin(uidnext, uidvalidity)
    assert not house.end()


def test_a_second_run_goes_on(house: House) -> None:
    house.begin(uidnext=11)
    house.adopt(*range(1, 11))
    house.end()
    assert house.begin(uidnext=13)
    house.adopt(11, 12)
    assert house.end()
    assert (house.inbox.uidvalidity, house.inbox.uidnext, house.uids[-2:]) == (THEIRS, 13, [11, 12])


def test_a_run_that_was_broken_off_goes_on(house: House) -> None:
    house.begin()
    house.adopt(1, 2)
    assert house.begin()
    house.adopt(3, 100)
    assert house.end()
    assert (house.uids, house.inbox.uidvalidity) == ([1, 2, 3, 100], THEIRS)


def test_mail_that_comes_between_makes_the_mailbox_another(house: House) -> None:
    """UID 3 was something else there: clients must not take the one for the other."""
    own = house.inbox.uidvalidity
    house.begin()
    house.adopt(1, 2)
    assert house.deliver() == 3
    house.adopt(3, 4)
    assert not house.end()
    assert (house.uids, house.inbox.uidvalidity) == ([1, 2, 3, 4, 5], own)


def test_one_uid_given_here_and_there_since_makes_it_another(house: House) -> None:
    house.begin(uidnext=3)
    house.adopt(1, 2)
    assert house.end()
    house.deliver()  # UID 3
    assert not house.begin(uidnext=5)  # there 3 and 4 were given, too
    assert house.inbox.uidvalidity not in (THEIRS, 0)
    assert house.inbox.uidvalidity > THEIRS
    house.adopt(3, 4)
    assert not house.end()
    assert house.uids == [1, 2, 3, 4, 5]


def test_mail_here_alone_changes_nothing(house: House) -> None:
    """There nothing was given since, so that no UID can mean two things; what could not be read then is new now."""
    house.begin(uidnext=30)
    house.adopt(1, 2)
    house.end()
    assert house.deliver() == 30
    assert house.begin(uidnext=30)
    house.adopt(7)
    assert house.end()
    assert (house.uids, house.inbox.uidvalidity) == ([1, 2, 30, 31], THEIRS)


def test_what_had_no_uid_there_may_get_the_same(house: House) -> None:
    """A Maildir's new files are numbered when somebody looks at the folder."""
    house.begin(uidnext=3)
    fresh = [house.arrival(None, source=b"a" * 16), house.arrival(None, source=b"b" * 16)]
    house.do(mailbox.adopt, house.box, [house.arrival(1), *fresh], NOW)
    assert house.end()
    assert house.uids == [1, 3, 4]
    assert house.begin(uidnext=6, listed={b"a" * 16: 3, b"b" * 16: 4})
    house.adopt(5)
    assert house.end()
    assert (house.uids, house.inbox.uidvalidity) == ([1, 3, 4, 5], THEIRS)


def test_what_had_no_uid_there_and_got_another_parts_them(house: House) -> None:
    house.begin(uidnext=3)
    house.do(mailbox.adopt, house.box, [house.arrival(None, source=b"a" * 16)], NOW)
    house.end()
    assert not house.begin(uidnext=5, listed={b"a" * 16: 4})
    assert house.inbox.uidvalidity > THEIRS


def test_another_uidvalidity_there_parts_them(house: House) -> None:
    house.begin(uidnext=3)
    house.adopt(1, 2)
    house.end()
    assert not house.begin(uidnext=3, uidvalidity=THEIRS + 1)
    assert house.inbox.uidvalidity > THEIRS


def test_a_uidvalidity_that_was_taken_over_is_not_given_again(house: House) -> None:
    far = 4_000_000_000
    house.begin(uidvalidity=far)
    house.end()
    made = house.do(mailbox.create, ACCOUNT, "new", house.chance, NOW)
    assert made.uidvalidity == far + 1


def test_the_mailbox_may_go_and_uids_may_end(house: House) -> None:
    with pytest.raises(Refused) as refused:
        house.do(mailbox.end_adoption, 99, NOW)
    assert refused.value.kind is Kind.NOT_FOUND
    house.begin()
    with pytest.raises(Refused) as refused:
        house.adopt(mailbox.MAX_UID)
    assert refused.value.kind is Kind.TOO_MANY


@pytest.mark.parametrize("uidnext", [2**31 + 1, 2**32 - 1, 10**10])
def test_a_list_that_has_become_nonsense_parts_them(house: House, uidnext: int) -> None:
    """Who could make it so, by a field in a message of an mbox, would else leave no UIDs for new mail."""
    house.begin(uidnext=3)
    house.adopt(1, 2)
    house.end()
    assert not house.begin(uidnext)
    assert house.inbox.uidvalidity > THEIRS
    assert house.deliver() == 3


def test_what_two_bring_at_once_is_brought_once(house: House) -> None:
    """Both asked what is known before either had begun."""
    both = [house.arrival(1), house.arrival(2)]
    assert house.do(mailbox.adopt, house.box, both[:1], NOW) == both[:1]
    assert house.do(mailbox.adopt, house.box, both, NOW) == both[1:]
    assert house.do(mailbox.adopt, house.box, both, NOW) == []
    assert house.uids == [1, 2]
    assert len(house.do(mailbox.adopt, house.box, [house.arrival(1)], NOW, again=True)) == 1
    assert house.uids == [1, 2, 3]


class TestOneUidvalidityIsTakenOnce:
    """Or a mailbox that is made again, or gets the name of another, would show a UID that was something else."""

    def make(self, house: House, name: str) -> Mailbox:
        return house.do(mailbox.create, ACCOUNT, name, house.chance, NOW)

    def begin(self, house: House, box: Mailbox, uidvalidity: int) -> bool:
        return house.do(mailbox.begin_adoption, box.id, uidvalidity, 5, dict, NOW)

    def test_by_a_mailbox_that_was_deleted(self, house: House) -> None:
        assert self.begin(house, self.make(house, "a"), THEIRS)
        house.do(mailbox.delete, ACCOUNT, "a", NOW)
        again = self.make(house, "a")
        assert not self.begin(house, again, THEIRS)
        house.do(mailbox.adopt, again.id, [house.arrival(1)], NOW)
        house.do(mailbox.delete, ACCOUNT, "a", NOW)
        assert not self.begin(house, self.make(house, "b"), again.uidvalidity)

    def test_by_another_that_has_it(self, house: House) -> None:
        """Courier takes the second in which it first looked at a folder."""
        first, second = self.make(house, "a"), self.make(house, "b")
        assert self.begin(house, first, THEIRS)
        assert not self.begin(house, second, THEIRS)
        house.deliver()
        assert not self.begin(house, second, house.inbox.uidvalidity)
        assert self.begin(house, second, second.uidvalidity)

    def test_one_that_never_had_a_message_gives_way(self, house: House) -> None:
        theirs = house.inbox.uidvalidity
        assert self.begin(house, self.make(house, "a"), theirs)
        assert house.inbox.uidvalidity > theirs
        boxes = house.do(mailbox.list_mailboxes, ACCOUNT)
        assert len({box.uidvalidity for box in boxes}) == len(boxes)

    def test_by_one_that_has_another_now(self, house: House) -> None:
        house.begin(uidnext=3)
        house.end()
        house.deliver()
        assert not house.begin(uidnext=9)
        assert not self.begin(house, self.make(house, "a"), THEIRS)

    def test_in_other_accounts_it_may_be_the_same(self, house: House) -> None:
        house.do(mailbox.open_account, ACCOUNT + 1, house.chance, NOW)
        other = house.do(mailbox.inbox, ACCOUNT + 1)
        assert other
        assert house.begin()
        assert self.begin(house, other, THEIRS)


@pytest.mark.parametrize("theirs", [1, 5_000, 2**40])
def test_who_knows_modseqs_of_the_other_learns_what_he_missed(house: House, theirs: int) -> None:
    """RFC 7162 §3.1: all flags, and that what was expunged there after he had looked is gone."""
    house.begin(uidnext=10)
    house.adopt(2, 5)
    house.end()
    assert house.inbox.modseq > theirs
    missed = house.do(mailbox.changes, house.box, theirs)
    assert missed.flagged == (2, 5)
    assert missed.expunged == ((1, 1), (3, 4), (6, 9))
    since = missed.modseq
    house.do(mailbox.forget, 0, NOW + 1)
    assert house.do(mailbox.changes, house.box, theirs).expunged == ((1, 1), (3, 4), (6, 9))
    house.deliver()
    assert house.do(mailbox.changes, house.box, since).appended in ((10,), ())


def test_an_empty_mailbox_tells_that_all_has_gone(house: House) -> None:
    house.begin(uidnext=10)
    house.end()
    assert house.do(mailbox.changes, house.box, 5_000).expunged == ((1, 9),)


class TestUniqueIds:
    def bring(self, house: House, *names: str | None) -> None:
        arrivals = [house.arrival(uid, uidl=name) for uid, name in enumerate(names, 1)]
        house.do(mailbox.adopt, house.box, arrivals, NOW)

    def test_of_two_with_one_name_the_first_has_it(self, house: House) -> None:
        self.bring(house, "a", "b", "a", None)
        assert house.do(mailbox.uidls, house.box) == {1: "a", 2: "b"}

    def test_our_own_outlive_the_uidvalidity_they_were_made_of(self, house: House) -> None:
        """Of the inbox, which POP3 shows: a client that has fetched a message does not fetch it again."""
        own = house.inbox.uidvalidity
        house.begin(uidnext=3)
        self.bring(house, "a", None)
        house.deliver()
        assert house.end()
        assert house.do(mailbox.uidls, house.box) == {
            1: "a",
            2: mailbox.own_uidl(own, 2),
            3: mailbox.own_uidl(own, 3),
        }
        house.deliver()
        assert not house.begin(uidnext=9)
        assert house.do(mailbox.uidls, house.box)[4] == mailbox.own_uidl(THEIRS, 4)

    def test_none_is_our_own_name_for_another(self, house: House) -> None:
        """Anybody may write one into a message that goes into an mbox."""
        own = house.inbox.uidvalidity
        house.begin()
        later = NOW // 1_000_000 + 1
        names = [mailbox.own_uidl(life, 9) for life in (own, THEIRS, later)]
        self.bring(house, *names, mailbox.own_uidl(own, 4), mailbox.own_uidl(5, 9))
        assert house.do(mailbox.uidls, house.box) == {4: f"{own:x}.4", 5: "5.9"}

    def test_they_go_with_their_messages(self, house: House) -> None:
        self.bring(house, "a", "b", "c", "d")
        sent = house.do(mailbox.find, ACCOUNT, "Sent")
        assert sent
        house.do(mailbox.expunge, house.box, [(1, 1)], NOW, only_deleted=False)
        house.do(mailbox.move, house.box, [(3, 3)], sent.id, NOW)
        house.do(mailbox.copy, house.box, [(2, 2)], sent.id, NOW)
        assert house.do(mailbox.uidls, house.box) == {2: "b", 4: "d"}
        assert house.do(mailbox.uidls, sent.id) == {}

    def test_they_go_with_the_mailbox_and_the_account(self, house: House) -> None:
        box = house.do(mailbox.create, ACCOUNT, "x", house.chance, NOW)
        house.do(mailbox.begin_adoption, box.id, 5, 5, dict, NOW)
        house.do(mailbox.adopt, box.id, [house.arrival(1, uidl="a")], NOW)
        self.bring(house, "a")
        house.do(mailbox.delete, ACCOUNT, "x", NOW)
        assert house.do(mailbox.uidls, box.id) == {}
        house.do(mailbox.remove_account, ACCOUNT, NOW)
        for table in ("mailbox_uidl", "mailbox_adoption", "mailbox_import", "mailbox_unlisted"):
            assert list(house.connection.execute(f"SELECT * FROM {table}")) == []

    @pytest.mark.parametrize("name", ["", "a b", "ü", "a\n", "\x7f", "x" * 256])
    def test_what_is_none(self, name: str) -> None:
        assert not mailbox.is_uidl(name)

    @pytest.mark.parametrize("name", ["a", "!~", "x" * 255])
    def test_what_is_one(self, name: str) -> None:
        assert mailbox.is_uidl(name)


steps = st.lists(
    st.one_of(
        st.just("deliver"),
        st.just("run"),
        st.tuples(st.just("arrive"), st.integers(1, 3)),  # at the other server, UIDs may be left out
        st.tuples(st.just("expunge"), st.integers(0, 5)),
        st.tuples(st.just("lie")),  # there, without a UID until all of them are numbered
        st.tuples(st.just("number"), st.integers(0, 1)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=80)
@given(steps)
def test_one_uidvalidity_and_uid_are_never_two_messages(history: list[Any]) -> None:
    """Neither here, whatever happens, nor to a client that comes from there after a run."""
    house = House()
    there: dict[int, bytes] = {}
    ever: dict[tuple[int, int], object] = {}  # what was there, by UIDVALIDITY and UID
    here: dict[tuple[int, int], object] = {}
    brought: dict[int, object] = {}  # what content is there
    waiting: list[bytes] = []  # there, without a UID yet
    names = count(10**9)
    uidnext = 1
    for step in history:
        if step == "deliver":
            house.deliver()
        elif step == "run":
            house.begin(uidnext, listed={source: uid for uid, source in there.items()})
            known = house.do(mailbox.known_sources, ACCOUNT, [*there.values(), *waiting])
            for uid, source in [*sorted(there.items()), *((None, source) for source in waiting)]:
                if source not in known:
                    arrival = house.arrival(uid, source=source)
                    brought[arrival.content_id] = source
                    house.do(mailbox.adopt, house.box, [arrival], NOW)
            house.end()
        elif step[0] == "arrive":
            uidnext += step[1]
            there[uidnext - 1] = ever[THEIRS, uidnext - 1] = b"%016d" % uidnext
        elif step[0] == "lie":
            waiting.append(b"%016d" % next(names))
        elif step[0] == "number":
            for source in waiting[step[1] :] + waiting[: step[1]]:
                there[uidnext] = ever[THEIRS, uidnext] = source
                uidnext += 1
            waiting = []
        elif there:
            del there[sorted(there)[step[1] % len(there)]]
        for message in house.do(mailbox.messages, house.box):
            key, what = (
                (house.inbox.uidvalidity, message.uid),
                brought.get(message.content_id, message.content_id),
            )
            assert here.setdefault(key, what) == what
            assert step != "run" or ever.get(key, what) == what


names_of_two = st.sampled_from("ab")
moves = st.lists(
    st.one_of(
        st.just(("run", "")),
        st.tuples(st.sampled_from(["deliver", "delete", "arrive", "arrive"]), names_of_two),
        st.tuples(st.sampled_from("ab"), st.sampled_from("abc")),  # RENAME
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=80)
@given(moves, st.booleans())
def test_one_name_uidvalidity_and_uid_are_never_two_messages(history: list[Any], alike: bool) -> None:
    """Whatever is deleted, renamed and imported again; `alike`: folders that had one UIDVALIDITY there."""
    house = House()
    there: dict[str, dict[int, bytes]] = {"a": {}, "b": {}}
    validity = {"a": THEIRS, "b": THEIRS if alike else THEIRS + 7}
    ever: dict[tuple[str, int, int], object] = {}
    brought: dict[int, object] = {}
    for step, name in history:
        with suppress(Refused):
            if step == "run":
                for folder, messages in there.items():
                    box = house.do(mailbox.find, ACCOUNT, folder)
                    box = box or house.do(mailbox.create, ACCOUNT, folder, house.chance, NOW)
                    uidnext = len(messages) + 1
                    house.do(mailbox.begin_adoption, box.id, validity[folder], uidnext, dict, NOW)
                    arrivals = [house.arrival(uid, source=source) for uid, source in messages.items()]
                    done = house.do(mailbox.adopt, box.id, arrivals, NOW)
                    brought |= {one.content_id: one.source for one in done}
                    house.do(mailbox.end_adoption, box.id, NOW)
            elif step == "deliver":
                house.deliver(name)
            elif step == "delete":
                house.do(mailbox.delete, ACCOUNT, name, NOW)
            elif step == "arrive":
                uid = len(there[name]) + 1
                there[name][uid] = b"%s%015d" % (name.encode(), uid)
            else:
                house.do(mailbox.rename, ACCOUNT, step, name, house.chance, NOW)
        for box in house.do(mailbox.list_mailboxes, ACCOUNT):
            for message in house.do(mailbox.messages, box.id):
                key = box.name, box.uidvalidity, message.uid
                what = brought.get(message.content_id, message.content_id)
                assert ever.setdefault(key, what) == what
                if step == "run" and box.uidvalidity == validity.get(box.name):
                    assert there[box.name].get(message.uid, what) == what
