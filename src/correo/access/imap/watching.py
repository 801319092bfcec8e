"""What a client is told without asking, once it has said NOTIFY (RFC 5465): its wishes, and what it was told of last.

A look compares all mailboxes the account may know of with those of the look before; there is one whenever somebody stirs one of
the accounts they belong to, and none otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.annotations import of_mailbox, of_server
from correo.access.imap.condstore import CONDSTORE
from correo.access.imap.happenings import Comparison, Filter, Happened, Sight, Spot, barred, standing
from correo.access.imap.own import Own
from correo.access.imap.places import Place
from correo.access.imap.wishes import Interest
from correo.accounts import Account
from correo.mail.errors import Refused
from correo.mailbox import ACCOUNT, What
from correo.storage.bus import RIGHTS
from correo.storage.bus import account as account_topic
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.notify import Event, Group

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

MAX_WATCHED = 5_000  # mailboxes; a look at so many takes some 50 ms, and what was seen some megabytes
MAX_NOTED = 20_000  # annotations of all of them together
MAX_TOLD = 1_000  # responses of one look; a client that gets more is better off asking

OVERFLOW = encode.ok(encode.UNTAGGED, "There is too much to tell", "NOTIFICATIONOVERFLOW")  # RFC 5465 §5.8


class Watch:
    """The wishes of one NOTIFY; none for NOTIFY NONE, after which nothing that others do is told."""

    def __init__(self, groups: Sequence[Group] = (), sight: Sight | None = None) -> None:
        """`sight`: how everything stood when the client said so."""
        selected = [group for group in groups if group.of_selected]
        self.filter = Filter(group for group in groups if not group.of_selected)
        self.sight = sight or Sight()
        self.stirred = True  # since the last look
        events = selected[0].events if selected else frozenset()
        self.interest = Interest(
            Event.MESSAGE_NEW in events,
            Event.FLAG_CHANGE in events,
            selected[0].items if selected else (),
        )
        self.immediate = self.interest.messages and selected[0].source.what == "SELECTED"

    @property
    def wakes(self) -> bool:
        """Whether there is anything to tell between commands."""
        return self.interest.messages or bool(self.filter.all)

    def listen(self, session: ImapSession) -> None:
        """To the accounts of all mailboxes that are seen, and for those that may be seen from now on."""
        rights = [RIGHTS] if self.filter.all else []
        session.listening.to("notify", [*rights, *map(account_topic, self.sight.modseqs)])

    async def news(self, session: ImapSession) -> list[bytes]:
        """Untagged responses for what others did to mailboxes that are not selected, and to names."""
        if not self.stirred or not self.filter.all:
            return []
        self.stirred = False
        before, own = self.sight, session.own or Own()
        try:
            after, happened, too_much = await session.read(
                len(before.spots), look, session.owner, self.filter, before, own
            )
        except Refused:
            self.stirred = True  # it is told another time
            raise
        self.sight = after
        self.listen(session)
        selected = session.selected.mailbox_id if session.selected else 0
        told = Comparison(
            before,
            after,
            happened,
            self.filter,
            selected,
            condstore=CONDSTORE in session.enabled,
            utf8=session.core.utf8,
        ).told()
        return overflow(session) if too_much or len(told) > MAX_TOLD else told

    def barred(self, session: ImapSession) -> list[bytes]:
        return list(barred(self.sight, self.filter, utf8=session.core.utf8))

    def standing(self, session: ImapSession) -> list[bytes]:
        selected = session.selected.mailbox_id if session.selected else 0
        return list(standing(self.sight, self.filter, selected, utf8=session.core.utf8))


def overflow(session: ImapSession) -> list[bytes]:
    """As if the client had said NOTIFY NONE (RFC 5465 §5.8)."""
    session.watch = Watch()
    session.watch.listen(session)
    return [OVERFLOW]


async def baseline(tx: Tx, account: Account, wanted: Filter) -> tuple[Sight, bool]:
    """How everything stands, and whether that is more than can be watched."""
    sight, _, too_much = await look(tx, account, wanted, Sight(), Own())
    return sight, too_much


async def look(
    tx: Tx, account: Account, wanted: Filter, before: Sight, own: Own
) -> tuple[Sight, Happened, bool]:
    """How everything stands, what others did since `before`, and whether that is more than can be watched."""
    found = [place for place in await places.listed(tx, account) if "l" in place.rights]
    if len(found) > MAX_WATCHED:
        return Sight(), {}, True
    modseqs = await mailbox.modseqs(tx, dict.fromkeys([account.id, *places.owners(found)]))
    subscribed = frozenset(await mailbox.subscriptions(tx, account.id))
    spots = {place.box.id: await _spot(tx, place, wanted, before, subscribed) for place in found}
    noted: Mapping[str, int] = {}
    if Event.SERVER_METADATA_CHANGE in wanted.all:
        noted = _digest(await of_server(tx, account.id))
    after = Sight(spots, subscribed, noted, modseqs)
    happened = await _happened(tx, account, before, after, own) if before.modseqs else {}
    too_much = sum(len(spot.notes) for spot in spots.values()) > MAX_NOTED
    return after, happened, too_much


async def _spot(tx: Tx, place: Place, wanted: Filter, before: Sight, subscribed: frozenset[str]) -> Spot:
    box = place.box
    old = before.spots.get(box.id)
    same = old is not None and old.modseq == box.modseq
    notes: Mapping[str, int] = {}
    if Event.MAILBOX_METADATA_CHANGE in wanted.all:
        if same and old is not None and old.name == place.name:
            notes = old.notes
        elif Event.MAILBOX_METADATA_CHANGE in wanted.of(place.name, subscribed):
            notes = _digest(await of_mailbox(tx, place))
    return Spot(
        box.id,
        box.account_id,
        place.name,
        "r" in place.rights,
        box.uidvalidity,
        box.uidnext,
        box.messages,
        await _unseen(tx, place, old if same else None),
        box.modseq,
        place.special_use,
        notes,
    )


async def _unseen(tx: Tx, place: Place, same: Spot | None) -> int:
    """`same`: as it was before where nothing has changed, since what a reader has not seen has to be counted."""
    if not place.reader:
        return place.box.unseen
    return same.unseen if same else await mailbox.unseen(tx, place.box.id, place.reader)


def _digest(notes: Mapping[str, bytes]) -> dict[str, int]:
    return {entry: hash(value) for entry, value in notes.items()}


async def _happened(tx: Tx, account: Account, before: Sight, after: Sight, own: Own) -> Happened:
    """What others did to mailboxes that came, went or changed, and to what is of the account itself."""
    spans = {
        account_id: own.others(account_id, before.modseqs.get(account_id, 0), last)
        for account_id, last in after.modseqs.items()
    }
    touched = {
        id: spot.account_id
        for seen, other in ((before, after), (after, before))
        for id, spot in seen.spots.items()
        if (twin := other.spots.get(id)) is None or (twin.name, twin.modseq) != (spot.name, spot.modseq)
    }
    happened: dict[int, frozenset[What]] = {}
    for id, account_id in touched.items():
        if account_id not in before.modseqs or account_id not in after.modseqs:
            # The first mailbox of that account that can be seen, or the last one that could.
            happened[id] = frozenset({What.ACL})
        elif spans[account_id]:
            reader = 0 if account_id == account.id else account.id
            happened[id] = await mailbox.kinds(tx, account_id, id, spans[account_id], reader)
    if spans.get(account.id):
        happened[ACCOUNT] = await mailbox.kinds(tx, account.id, ACCOUNT, spans[account.id])
    return happened
