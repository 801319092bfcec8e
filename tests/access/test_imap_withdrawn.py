"""Rights that are taken away while something is under way: from then on nothing more is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.access.test_imap_concurrent_sharing import invited
from tests.access.test_imap_session import CLIENT, SERVER, House, house

from correo import accounts, mailbox
from correo.access.imap import places
from correo.access.imap.commands import esearch
from correo.access.imap.contexts import open_context
from correo.access.imap.news import gathered
from correo.access.imap.places import Place
from correo.access.imap.selected import Selected
from correo.access.imap.session import ImapSession
from correo.clock.virtual import START
from correo.mailbox import ALL_RIGHTS, NO_RIGHTS, Rights
from correo.net.memory import MemoryStream
from correo.wire.imap.fetch import Attribute
from correo.wire.imap.search import All

PLACE = "Other Users/alice@example.org/INBOX"


@dataclass
class Visit:
    """Bob has alice's INBOX open."""

    session: ImapSession
    place: Place
    selected: Selected

    async def withdraw(self, left: Rights = NO_RIGHTS) -> None:
        who, box = self.session.owner.id, self.place.box.id
        db = self.session.services.db
        await db.write(mailbox.set_rights, box, who, "", False, "replace", left, START)


async def visiting(home: House) -> Visit:
    await home.fill("INBOX", 3)
    db = home.services.db
    bob = await db.read(accounts.account_by_id, await invited(home, "bob"))
    assert bob is not None
    session = ImapSession(home.services, CLIENT, None, lambda: None)
    session.log_in(bob)
    place = await db.read(places.find, bob, PLACE)
    assert place is not None
    uids = await db.read(mailbox.uids, place.box.id)
    selected = Selected.of(
        place.access, place.box, uids, read_only=False, enabled=session.enabled, rights=ALL_RIGHTS
    )
    session.selected = selected
    return Visit(session, place, selected)


async def test_what_another_process_takes_away_is_noticed_at_once(tmp_path: Path) -> None:
    """The command line writes into the database, and all that is known here is that somebody did."""
    async with house(tmp_path) as home:
        visit = await visiting(home)
        near, far = MemoryStream.pair(CLIENT, SERVER)
        serving = asyncio.get_running_loop().create_task(home.serve(far))
        heard = b""

        async def until(text: bytes) -> bytes:
            nonlocal heard
            while text not in heard:
                data = await asyncio.wait_for(near.read(None), 5)
                assert isinstance(data, bytes)
                assert data, heard
                heard += data
            said, heard = heard, b""
            return said

        near.write(b"a LOGIN bob@example.org secret\r\n")
        near.write(b'b NOTIFY SET (SUBTREE "Other Users" (MailboxName))\r\n')
        await until(b"b OK")
        await visit.withdraw()
        home.services.bus.publish_all()
        assert b"\\NoAccess" in await until(PLACE.encode())
        await visit.withdraw(ALL_RIGHTS)
        near.write(b'c NOTIFY NONE\r\nd SELECT "%b"\r\ne IDLE\r\n' % PLACE.encode())
        await until(b"+ idling")
        await visit.withdraw()
        home.services.bus.publish_all()
        assert await until(b"BYE") == b"* BYE The selected mailbox is not for you to read any more\r\n"
        await near.close()
        await serving


async def test_new_messages_that_wait_to_be_told_are_not_told_any_more(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        visit = await visiting(home)
        visit.selected.fresh = {uid: (Attribute("FLAGS"),) for uid in (1, 2, 3)}
        await visit.withdraw()
        assert await gathered(visit.session, expunges=True) == []
        assert visit.selected.vanished


async def test_results_that_are_kept_up_to_date_are_not_any_more(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        visit = await visiting(home)
        assert open_context(visit.selected, "a", All(), (), {}, uid=True)
        visit.selected.view.touched = {1, 2}
        await visit.withdraw()
        assert await gathered(visit.session, expunges=True) == []


async def test_a_search_of_many_mailboxes_comes_too_late_for_some(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        visit = await visiting(home)
        read = visit.session.read
        assert await read(1, esearch.readable, visit.place.access) == [1, 2, 3]
        await visit.withdraw()
        assert await read(1, esearch.readable, visit.place.access) == []
