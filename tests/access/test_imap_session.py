"""Whole sessions: octets nobody should send, foreign clients over a real socket, and mailboxes of some size."""

from __future__ import annotations

import asyncio
import base64
import imaplib
import random
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imap_tools import AND, MailBoxUnencrypted, MailMessageFlags
from scramp import ScramClient

from correo import accounts, mailbox
from correo.access.imap.answers import Answers
from correo.access.imap.options import ImapOptions, Services
from correo.access.imap.session import ImapSession
from correo.accounts import Cost, Logins, make_credentials
from correo.clock.system import SystemClock
from correo.clock.virtual import START, SeededChance, VirtualClock
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.mail.flags import FLAGGED, SEEN, Flags
from correo.net import Peer, Stream
from correo.net.drive import Stopping, Terms, drive
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind
from correo.net.memory import MemoryStream
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
CREDENTIALS = make_credentials("secret", SeededChance(2), CHEAP)
CLIENT, SERVER = Peer("192.0.2.1", 40_000), Peer("192.0.2.250", 143)
SAMPLE = b"From: Bob <bob@example.net>\r\nSubject: number %d\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nText %d\r\n"


@dataclass
class House:
    """A server with one account, alice@example.org with the password "secret"."""

    services: Services
    account_id: int
    faults: list[BaseException]

    def incident(self, fault: BaseException) -> str:
        self.faults.append(fault)
        return "incident"

    async def serve(self, stream: Stream) -> None:
        session = ImapSession(self.services, stream.peer, stream.tls, stream.wake)
        await drive(stream, session, Terms(lambda: None, Stopping(), self.incident))

    async def fill(self, name: str, count: int, flags: Callable[[int], Flags] = lambda n: Flags()) -> None:
        services = self.services
        now = services.clock.now()
        ids = [services.chance.id(now) for _ in range(count)]
        prepared = [mailbox.prepare(SAMPLE % (n, n)) for n in range(1, count + 1)]

        async def put(tx: Tx) -> None:
            box = await mailbox.find(tx, self.account_id, name)
            assert box is not None
            for number, (id, one) in enumerate(zip(ids, prepared, strict=True), 1):
                await mailbox.store(tx, one, id, now)
                await mailbox.append(
                    tx,
                    box.id,
                    content_id=id,
                    size=one.size,
                    flags=flags(number),
                    received=now,
                    now=now,
                )

        await services.db.bulk(put)


@asynccontextmanager
async def house(folder: Path, *, threaded: bool = False) -> AsyncIterator[House]:
    db = await Sqlite.open(folder / "correo.db", now=START, threaded=threaded)
    clock = SystemClock() if threaded else VirtualClock()
    chance = SeededChance(1)
    logins = Logins(db, clock, chance, concurrency=0, cost=CHEAP)
    options = ImapOptions("mail.example.org", False, True, 600.0, 60.0, 1_000_000)
    answers = Answers(least=1)  # every test that asks twice hears what is remembered
    services = Services(db, LocalBus(), clock, chance, logins, options, answers=answers)
    id = chance.id(START)
    address = Address.parse("alice@example.org")
    await db.write(accounts.add_domain, "example.org", START)
    await db.write(accounts.add_account, id=id, address=address, credentials=CREDENTIALS, now=START)
    await db.write(mailbox.open_account, id, chance, START)
    try:
        yield House(services, id, [])
    finally:
        logins.close()
        await db.close()


async def dialog(home: House, sent: list[bytes]) -> bytes:
    """What the server says to a client that sends all this and leaves."""
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    said = bytearray()

    async def listen() -> None:
        while data := await near.read(None):
            assert isinstance(data, bytes)
            said.extend(data)

    listening = asyncio.get_running_loop().create_task(listen())
    for piece in sent:
        near.write(piece)
        await asyncio.sleep(0)
    far._eof = True  # the client says no more, and goes on listening
    far._rouse()
    await asyncio.wait_for(task, 20)
    await asyncio.wait_for(listening, 20)
    return bytes(said)


def lines(*commands: str) -> bytes:
    return "".join(f"{command}\r\n" for command in commands).encode()


LOGIN = lines("a LOGIN alice@example.org secret", "b SELECT INBOX")

# -- octets nobody should send -------------------------------------------------------------------------------------------

COMMANDS = (
    "FETCH 1:* (BINARY[1]<2.9> BINARY.SIZE[] PREVIEW (LAZY) PREVIEW SAVEDATE EMAILID THREADID)",
    'APPEND INBOX (\\Seen) {5+}\r\na: b\n CATENATE (URL "/INBOX/;UID=1/;SECTION=1" TEXT ~{3+}\r\na\0b) UTF8 (~{1+}\r\nx)',
    "UID REPLACE 2 Sent CATENATE (URL ;UID=3)",
    "FETCH 1:* (FLAGS UID ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[1]<0.3> BODY[HEADER.FIELDS (subject)])",
    "UID FETCH 1,3:* (BODY[] RFC822.TEXT INTERNALDATE)",
    "STORE 1:2 +FLAGS (\\Seen \\Deleted word)",
    "UID STORE 2:4 -FLAGS.SILENT (\\Seen)",
    'SEARCH OR (SUBJECT "number" NOT SEEN) 2:* BODY text SINCE 1-Jan-2020',
    "UID SEARCH CHARSET UTF-8 TEXT {4+}\r\ntext UID 1:*",
    "COPY 1:2 Archive",
    "MOVE 2 Trash",
    "EXPUNGE",
    "UID EXPUNGE 1:*",
    "CLOSE",
    "SELECT INBOX",
    "EXAMINE Archive",
    "APPEND INBOX (\\Seen) {6+}\r\na: b\r\n",
    'LIST "" *%',
    'LSUB "" %',
    "CREATE x/y",
    "RENAME x z",
    "DELETE x",
    "SUBSCRIBE x",
    "STATUS INBOX (MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)",
    'ID ("name" NIL)',
    "ENABLE X",
    "IDLE\r\nDONE",
    "NAMESPACE",
    "SETACL INBOX -anyone +lrcd",
    "DELETEACL INBOX anyone",
    "GETACL INBOX",
    'LISTRIGHTS Sent "alice"',
    'MYRIGHTS "Other Users/alice@example.org/inbox"',
    "SETQUOTA alice@example.org (STORAGE 1 MESSAGE 2)",
    'LIST "" (INBOX Shared/*) RETURN (MYRIGHTS SUBSCRIBED)',
    "NOOP",
    "CHECK",
    "UNSELECT",
    "CAPABILITY",
    "AUTHENTICATE PLAIN\r\n*",
)


def mutated(text: bytes, dice: random.Random) -> bytes:
    octets = bytearray(text)
    for _ in range(dice.choice((0, 0, 1, 2, 5))):
        at = dice.randrange(len(octets) + 1)
        match dice.randrange(4):
            case 0:
                octets[at:at] = bytes([dice.choice(b'(){}[]"\\*%:,+<>~ \r\n\0\xff019aA')])
            case 1:
                del octets[at : at + dice.choice((1, 2, 8))]
            case 2:
                octets[at:at] = octets[max(0, at - dice.randrange(20)) : at]
            case _:
                octets[at : at + 1] = bytes([dice.randrange(256)])
    return bytes(octets)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_mutated_dialogs_never_break_a_session(seed: int) -> None:
    dice = random.Random(seed)
    commands = [f"c{n} {dice.choice(COMMANDS)}\r\n".encode() for n in range(25)]

    async def run() -> None:
        with TemporaryDirectory() as folder:
            async with house(Path(folder)) as home:
                await home.fill("INBOX", 5)
                said = await dialog(home, [LOGIN, *(mutated(command, dice) for command in commands)])
                assert not home.faults
                assert b"\r\nb OK [READ-WRITE] Selected\r\n" in said

    asyncio.run(run())


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=80), max_size=8), st.booleans())
def test_any_octets_never_break_a_session(pieces: list[bytes], logged_in: bool) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            async with house(Path(folder)) as home:
                await dialog(home, [LOGIN if logged_in else b"", *pieces, b"\r\n"])
                assert not home.faults

    asyncio.run(run())


# -- foreign clients -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(home: House) -> AsyncIterator[int]:
    listener = Listener(bind("127.0.0.1:0"), home.serve, ConnectionLimits(10, 10), b"", None)
    await listener.start()
    try:
        yield int(listener.address.rpartition(":")[2])
    finally:
        listener.stop_accepting()
        await listener.drain(5)


def scrammed(client: ScramClient, challenge: bytes) -> bytes:
    """The client's side of RFC 5802: its first message, its proof, and nothing to the server's own proof."""
    if not challenge:
        return str(client.get_client_first()).encode()
    if challenge.startswith(b"r="):
        client.set_server_first(challenge.decode())
        return str(client.get_client_final()).encode()
    client.set_server_final(challenge.decode())
    return b""


async def test_imaplib(tmp_path: Path) -> None:
    def client(port: int) -> None:
        with imaplib.IMAP4("127.0.0.1", port, timeout=20) as imap:
            assert imap.login("alice@example.org", "secret")[0] == "OK"
            assert imap.select()[1] == [b"3"]
            assert imap.fetch("1:3", "(FLAGS)")[1] == [
                b"1 (FLAGS (\\Recent))",
                b"2 (FLAGS (\\Recent))",
                b"3 (FLAGS (\\Recent))",
            ]
            answer = imap.fetch("2", "(RFC822)")[1][0]
            assert isinstance(answer, tuple)
            assert answer[1] == SAMPLE % (2, 2)
            assert imap.search(None, "UNSEEN")[1] == [b"1 3"]
            assert imap.uid("SEARCH", 'SUBJECT "number 3"')[1] == [b"3"]
            assert imap.store("1", "+FLAGS", "\\Deleted")[0] == "OK"
            assert imap.expunge()[1] == [b"1"]
            assert imap.copy("1", "Archive")[0] == "OK"
            assert (
                imap.append("Drafts", "(\\Draft)", imaplib.Time2Internaldate(1.0), b"a: b\r\n\r\nc")[0]
                == "OK"
            )
            assert imap.status("Drafts", "(MESSAGES)")[1] == [b"Drafts (MESSAGES 1)"]
            assert imap.create("work")[0] == "OK"
            assert imap.create("work")[0] == "NO"
            assert imap.rename("work", "play")[0] == "OK"
            assert b'(\\HasNoChildren) "/" play' in imap.list()[1]
            assert imap.subscribe("play")[0] == "OK"
            assert b'() "/" play' in imap.lsub()[1]
            assert imap.delete("play")[0] == "OK"
            assert imap.namespace()[1] == [b'(("" "/")) (("Other Users/" "/")) (("Shared/" "/"))']
            assert imap.noop()[0] == "OK"
            assert imap.close()[0] == "OK"
        with imaplib.IMAP4("127.0.0.1", port, timeout=20) as imap:
            plain = b"\0alice@example.org\0secret"
            assert imap.authenticate("PLAIN", lambda _: plain)[0] == "OK"
            assert imap.select("INBOX", readonly=True)[1] == [b"2"]
            assert imap.unselect()[0] == "OK"
        with imaplib.IMAP4("127.0.0.1", port, timeout=20) as imap:
            scram = ScramClient(["SCRAM-SHA-256"], "alice@example.org", "secret")
            assert imap.authenticate("SCRAM-SHA-256", lambda challenge: scrammed(scram, challenge))[0] == "OK"
        with imaplib.IMAP4("127.0.0.1", port, timeout=20) as imap, pytest.raises(imaplib.IMAP4.error):
            imap.login("alice@example.org", "wrong")

    async with house(tmp_path, threaded=True) as home, listening(home) as port:
        await home.fill("INBOX", 3)
        await asyncio.to_thread(client, port)
        assert not home.faults


async def test_imap_tools(tmp_path: Path) -> None:
    def client(port: int) -> None:
        with MailBoxUnencrypted("127.0.0.1", port, timeout=20).login("alice@example.org", "secret") as box:
            assert [message.subject for message in box.fetch(AND(seen=False), mark_seen=False)] == [
                f"number {n}" for n in range(1, 5)
            ]
            assert box.uids(AND(subject="number 2")) == ["2"]
            box.flag(["1", "3"], [MailMessageFlags.FLAGGED], True)
            assert box.uids(AND(flagged=True)) == ["1", "3"]
            box.move(["1"], "Archive")
            box.delete(["2"])
            assert box.uids() == ["3", "4"]
            assert {folder.name for folder in box.folder.list()} >= {"INBOX", "Archive", "Sent"}
            assert box.folder.status("Archive")["MESSAGES"] == 1
            box.folder.create("größer")
            assert box.folder.exists("größer")
            with box.idle as idle:
                assert idle.poll(timeout=0.05) == []
                with MailBoxUnencrypted("127.0.0.1", port, timeout=20).login(
                    "alice@example.org", "secret"
                ) as other:
                    other.append(b"Subject: new\r\n\r\n", "INBOX")
                assert b"* 3 EXISTS" in idle.poll(timeout=20)

    async with house(tmp_path, threaded=True) as home, listening(home) as port:
        await home.fill("INBOX", 4)
        await asyncio.to_thread(client, port)
        assert not home.faults


# -- size ----------------------------------------------------------------------------------------------------------------


async def test_many_messages_are_streamed_and_searched(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 3_000, lambda n: Flags(SEEN if n % 2 else FLAGGED))
        said = await dialog(
            home,
            [
                LOGIN
                + lines(
                    "c UID FETCH 1:* (FLAGS)",
                    "d SEARCH UNSEEN 1:10",
                    "e UID SEARCH SUBJECT 2999",
                    "f STORE 1:* +FLAGS.SILENT (\\Deleted)",
                    "g UID EXPUNGE 1:2990",
                    "h FETCH 1:* (UID FLAGS)",
                    "i LOGOUT",
                )
            ],
        )
        assert not home.faults
        assert said.count(b" FETCH (UID ") == 3_010
        assert b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\n" in said
        assert b"* 3000 FETCH (UID 3000 FLAGS (\\Flagged \\Recent))\r\n" in said
        assert b"* OK [UNSEEN 2]" in said
        assert b"* SEARCH 2 4 6 8 10\r\nd OK" in said
        assert b"* SEARCH 2999\r\ne OK" in said
        assert said.count(b" EXPUNGE\r\n") == 2_990
        assert b"* 10 FETCH (UID 3000 FLAGS (\\Flagged \\Deleted \\Recent))\r\nh OK" in said


async def test_a_large_message_is_fetched_in_pieces(tmp_path: Path) -> None:
    big = b"Subject: big\r\n\r\n" + b"".join(b"line %d\r\n" % n for n in range(60_000))
    async with house(tmp_path) as home:
        append = b"c APPEND INBOX {%d+}\r\n%b\r\n" % (len(big), big)
        pieces = lines(
            f"d FETCH 1 BODY.PEEK[]<0.{len(big) // 2}>",
            f"e FETCH 1 BODY.PEEK[]<{len(big) // 2}.{len(big)}>",
            "f FETCH 1 BODY.PEEK[TEXT]",
        )
        said = await dialog(home, [LOGIN, append, pieces])
        assert not home.faults
        half = len(big) // 2
        assert b"* 1 FETCH (BODY[]<0> {%d}\r\n%b)\r\nd OK" % (half, big[:half]) in said
        assert b"* 1 FETCH (BODY[]<%d> {%d}\r\n%b)\r\ne OK" % (half, len(big) - half, big[half:]) in said
        assert big[16:] + b")\r\nf OK" in said
        assert sum(map(len, home.services.octets._held.values())) == len(big)


async def test_octets_that_no_literal_can_hold(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        message = b"a: \0\xff\r\n\r\nb\nc\0\r\n"
        append = b"c APPEND INBOX {%d+}\r\n%b\r\n" % (len(message), message)
        said = await dialog(
            home,
            [
                LOGIN,
                lines("b ENABLE UTF8=ACCEPT"),
                append,
                lines("d FETCH 1 BODY.PEEK[]", "e FETCH 1 RFC822.HEADER"),
            ],
        )
        assert b"BODY[] {%d}\r\n%b)\r\n" % (len(message), message.replace(b"\0", b"\x80")) in said
        assert b"RFC822.HEADER {9}\r\na: \x80\xff\r\n\r\n)\r\n" in said


# -- compression and previews ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 100, 100_000])
async def test_a_compressed_session(chunk: int, tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 50)
        client = zlib.compressobj(9, zlib.DEFLATED, -15)
        message = b"A: b\r\n\r\n" + bytes(500) + random.Random(1).randbytes(50_000)
        commands = [
            lines("d FETCH 1:* (UID ENVELOPE PREVIEW)", "e CAPABILITY", "f COMPRESS DEFLATE"),
            b"g APPEND Sent {%d+}\r\n%b\r\n" % (len(message), message),
            lines("h SELECT Sent", "i FETCH 1 BODY.PEEK[]", "j LOGOUT"),
        ]
        packed = b"".join(client.compress(one) + client.flush(zlib.Z_SYNC_FLUSH) for one in commands)
        pieces = [packed[at : at + chunk] for at in range(0, len(packed), chunk)]
        said = await dialog(home, [LOGIN, lines("c COMPRESS DEFLATE"), *pieces])
        assert not home.faults
        plain, _, rest = said.partition(b"c OK Deflating from here on\r\n")
        assert b"COMPRESS=DEFLATE" not in plain.partition(b"a OK")[0]
        heard = zlib.decompressobj(-15).decompress(rest)
        assert b"* 50 FETCH (UID 50 ENVELOPE (" in heard
        assert b'PREVIEW "Text 50")\r\nd OK' in heard
        assert b"COMPRESS=DEFLATE" not in heard
        assert b"\r\nf BAD [COMPRESSIONACTIVE] " in heard
        assert (
            b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\ni OK" % (len(message), message.replace(b"\0", b"\x80"))
            in heard
        )
        assert heard.endswith(b"j OK Logged out\r\n") or b"\r\nj OK" in heard


async def test_what_is_not_compressed_ends_a_compressed_session(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        said = await dialog(home, [LOGIN, lines("c COMPRESS DEFLATE"), lines("d NOOP") * 10])
        assert not home.faults
        rest = said.partition(b"c OK Deflating from here on\r\n")[2]
        assert zlib.decompressobj(-15).decompress(rest).startswith(b"* BYE ")


async def test_previews_of_what_arrived_before_there_were_any(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 2)

        async def forget(tx: Tx) -> None:
            await tx.run("UPDATE mailbox_content SET preview = NULL")

        await home.services.db.write(forget)
        said = await dialog(home, [LOGIN, lines("c FETCH 1 (PREVIEW (LAZY))", "d FETCH 1:2 (UID PREVIEW)")])
        assert b"* 1 FETCH (PREVIEW NIL)\r\nc OK" in said
        assert b'* 1 FETCH (UID 1 PREVIEW "Text 1")\r\n* 2 FETCH (UID 2 PREVIEW "Text 2")\r\nd OK' in said


async def test_a_large_part_is_decoded_once_for_all_its_pieces(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        octets = random.Random(1).randbytes(400_000)
        message = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets)
        append = b"c APPEND INBOX {%d+}\r\n%b\r\n" % (len(message), message)
        fetches = lines(*(f"d FETCH 1 BINARY.PEEK[1]<{at}.100000>" for at in range(0, 400_001, 100_000)))
        said = await dialog(home, [LOGIN, append, fetches])
        assert not home.faults
        for at in range(0, 400_000, 100_000):
            piece = octets[at : at + 100_000]
            assert b"BINARY[1]<%d> ~{100000}\r\n%b)" % (at, piece) in said
        assert b"BINARY[1]<400000> {0}\r\n)" in said


# -- what goes wrong on our side -----------------------------------------------------------------------------------------


async def test_a_full_disk_keeps_nobody_from_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 2)

        async def full(*args: object, **kwargs: object) -> None:
            raise Refused(Kind.UNAVAILABLE, "the disk is full")

        monkeypatch.setattr(home.services.db, "write", full)
        said = await dialog(
            home, [LOGIN, lines("c FETCH 1:2 BODY[TEXT]", "d STORE 1 +FLAGS (\\Seen)", "e NOOP")]
        )
        assert not home.faults
        assert b"* 2 FETCH (BODY[TEXT] {8}\r\nText 2\r\n)\r\nc OK Fetched\r\n" in said
        assert b"d NO [UNAVAILABLE] " in said
        assert b"e OK" in said


async def test_a_damaged_message_hides_no_other(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 3)

        async def damage(tx: Tx) -> None:
            await tx.run("UPDATE mailbox_content SET header = $1 WHERE subject = 'number 2'", b"x")
            await tx.run(
                "UPDATE mailbox_body SET data = $1 WHERE id = (SELECT body_id FROM mailbox_content WHERE subject = 'number 3')",
                b"x",
            )

        await home.services.db.write(damage)
        said = await dialog(
            home,
            [
                LOGIN,
                lines(
                    "c FETCH 1:3 BODY.PEEK[HEADER.FIELDS (subject)]",
                    "d FETCH 1:3 BODY.PEEK[TEXT]",
                    "e SEARCH SUBJECT number",
                    "f SEARCH BODY Text",
                ),
            ],
        )
        assert not home.faults
        assert said.count(b"Subject: number") == 2
        assert b"c NO [CORRUPTION] " in said
        assert said.count(b"{8}\r\nText ") == 2  # the text of a message is kept apart from its header
        assert b"d NO [CORRUPTION] " in said
        assert b"* SEARCH 1 3\r\ne OK" in said
        assert b"* SEARCH 1\r\nf OK" in said


async def test_a_fault_of_ours_ends_the_session_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as home:

        async def broken(*args: object, **kwargs: object) -> None:
            raise RuntimeError("a secret of the house")

        monkeypatch.setattr(home.services.db, "read", broken)
        said = await dialog(home, [LOGIN])
        assert len(home.faults) == 1
        assert said.endswith(b"* BYE [SERVERBUG] Internal error, reference incident\r\n")


async def test_a_hundred_thousand_octets_of_searching_take_no_depth(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 2)
        chain = "OR SEEN " * 400 + "ALL"
        started = time.process_time()
        said = await dialog(
            home, [LOGIN, lines(f"c SEARCH {chain}", "d SEARCH " + "(" * 200 + "ALL" + ")" * 200)]
        )
        assert time.process_time() - started < 2
        assert b"* SEARCH 1 2\r\nc OK" in said
        assert b"d BAD " in said
