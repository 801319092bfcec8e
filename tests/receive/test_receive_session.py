"""A session over a real database: what is written where, what is said when something fails, and any octets at all."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scramp import ScramClient
from structlog.testing import capture_logs

from correo import accounts, mailbox
from correo.accounts import Cost, Logins, SendLimits, make_credentials
from correo.clock.virtual import START, SeededChance, VirtualClock
from correo.ledger import read_id
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.mail.instant import DAY, HOUR
from correo.net import Peer, TlsInfo
from correo.net.limits import Budget
from correo.receive import incoming
from correo.receive.commands.rcpt import MAX_TARGETS, TOO_MANY
from correo.receive.conversation import Note
from correo.receive.options import Limits, Profile, ReceiveOptions, Services
from correo.receive.rates import NetworkRates
from correo.receive.replies import STATUSES
from correo.receive.session import SmtpSession
from correo.receive.trace import received, with_protocol
from correo.storage.bus import QUEUE
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.wire import NEED_DATA

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
CLIENT = Peer("192.0.2.1", 40_000)
TLS = TlsInfo("TLSv1.3", "TLS_AES_256_GCM_SHA384")
BEGIN = b"EHLO client.example\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"


class FailingDb:
    """A database that reads, and does not write."""

    def __init__(self, db: Sqlite, error: Exception) -> None:
        self.read = db.read
        self.error = error

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        raise self.error


class Dialog:
    """A session, fed and read by hand."""

    def __init__(self, session: SmtpSession) -> None:
        self.session = session

    async def begin(self) -> str:
        await self.session.greet()
        return self.session.core.take_output().decode()

    async def say(self, data: bytes) -> list[str]:
        """What is answered, line by line."""
        core = self.session.core
        core.receive(data)
        while (event := core.next_event()) is not NEED_DATA:
            await self.session.handle(event, self._flush)
        return core.take_output().decode().splitlines()

    async def _flush(self) -> None:
        return None


class House:
    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.bus = LocalBus()
        self.clock = VirtualClock()
        self.chance = SeededChance(1)
        self.budget = Budget(10_000_000)
        self.rates = NetworkRates()
        self.logins = Logins(db, self.clock, self.chance, concurrency=0, cost=CHEAP)

    async def furnish(self) -> None:
        await self.db.write(accounts.add_domain, "example.org", START)
        await self.db.write(
            accounts.add_account,
            id=7,
            address=Address.parse("alice@example.org"),
            credentials=make_credentials("secret", self.chance, CHEAP),
            now=START,
        )
        await self.db.write(mailbox.open_account, 7, self.chance, START)

    def services(self, db: Any = None) -> Services:
        return Services(
            db or self.db, self.bus, self.clock, self.chance, self.logins, self.budget, self.rates
        )

    def dialog(
        self,
        profile: Profile = Profile.MX,
        tls: TlsInfo | None = None,
        db: Any = None,
        limits: Limits | None = None,
        **options: Any,
    ) -> Dialog:
        options.setdefault("starttls", True)
        told = ReceiveOptions("mail.example.org", profile, limits=limits or Limits(), **options)
        return Dialog(SmtpSession(told, self.services(db), CLIENT, tls))

    async def logged_in(self, **options: Any) -> Dialog:
        dialog = self.dialog(Profile.SUBMISSION, TLS, **options)
        await dialog.begin()
        plain = b64encode(b"\0alice@example.org\0secret")
        assert (await dialog.say(b"EHLO client\r\nAUTH PLAIN " + plain + b"\r\n"))[-1].startswith("235")
        return dialog

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async def ask(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(sql)

        return await self.db.read(ask)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    house = House(db)
    await house.furnish()
    yield house
    house.logins.close()
    await db.close()


# -- what is taken -------------------------------------------------------------------------------------------------------


async def test_a_message_for_elsewhere_is_queued_with_its_times(house: House) -> None:
    dialog = await house.logged_in(expire=2 * DAY, warn_after=HOUR)
    told: list[str] = []
    house.bus.subscribe(QUEUE, lambda: told.append("queue"))
    house.bus.subscribe(("account", 7), lambda: told.append("account"))
    await dialog.say(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<dave@example.com>\r\nDATA\r\n")
    said = await dialog.say(b"From: alice@example.org\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n.\r\n")
    assert said[0].startswith("250 2.0.0 Ok: queued as ")
    rows = await house.rows(
        "SELECT sender, body, utf8, account_id, skip, address, expires, warn_at FROM queue_message, queue_recipient"
    )
    skip = len(b"Return-Path: <alice@example.org>\r\n")
    # Nobody declared 8BITMIME, and yet it is.
    times = (START + 2 * DAY, START + HOUR)
    assert rows == [("alice@example.org", "8BITMIME", 0, 7, skip, "dave@example.com", *times)]
    assert told == ["queue"]


@pytest.mark.parametrize(
    ("recipients", "lines", "for_readers"),
    [
        (["dave@example.com"], 1, False),
        (["dave@example.com", "erin@example.net"], 1, False),
        (["dave@example.com"], 1_000, True),
        (["dave@example.com", "alice@example.org"], 1, True),
        (["alice@example.org", "dave@example.com"], 1, True),
    ],
)
async def test_what_is_only_passed_on_is_not_made_ready_for_readers(
    house: House, recipients: list[str], lines: int, for_readers: bool
) -> None:
    dialog = await house.logged_in()
    rcpt = "".join(f"RCPT TO:<{one}>\r\n" for one in recipients)
    await dialog.say(f"MAIL FROM:<alice@example.org>\r\n{rcpt}DATA\r\n".encode())
    await dialog.say(
        b"From: alice@example.org\r\n\r\n"
        + b"forty octets, or so, of one line of text\r\n" * lines
        + b".\r\n"
    )
    rows = await house.rows("SELECT length(envelope) > 0, length(parts) > 0 FROM mailbox_content")
    assert rows == [(for_readers, for_readers)]


async def test_plain_text_stays_7bit_and_no_warning_may_be_wanted(house: House) -> None:
    dialog = await house.logged_in(warn_after=0)
    await dialog.say(b"MAIL FROM:<alice@example.org> BODY=7BIT\r\nRCPT TO:<dave@example.com>\r\nDATA\r\n")
    await dialog.say(b"From: alice@example.org\r\n\r\nx\r\n.\r\n")
    rows = await house.rows("SELECT body, warn_at FROM queue_message, queue_recipient")
    assert rows == [("7BIT", 0)]


@pytest.mark.parametrize(
    ("recipient", "subject", "needed"),
    [
        ("dave@example.com", "hello", 0),
        ("dave@example.com", "Gr\u00fc\u00dfe", 1),
        ("d\u00e1ve@example.com", "hello", 1),
    ],
)
async def test_smtputf8_is_needed_on_the_way_only_where_something_is_not_ascii(
    house: House, recipient: str, subject: str, needed: int
) -> None:
    dialog = await house.logged_in()
    await dialog.say(f"MAIL FROM:<alice@example.org> SMTPUTF8\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
    said = await dialog.say(
        f"From: alice@example.org\r\nSubject: {subject}\r\n\r\nGr\u00fc\u00dfe\r\n.\r\n".encode()
    )
    assert said[0].startswith("250")
    assert await house.rows("SELECT utf8, body FROM queue_message") == [(needed, "8BITMIME")]


async def test_what_one_message_leads_to_is_bounded(house: House) -> None:
    """One name of many people has ever more names with a tag, and each would be as many deliveries."""
    people = [f"p{number}@elsewhere.example" for number in range(MAX_TARGETS // 4)]
    await house.db.write(accounts.add_alias, "crowd@example.org", people, START)
    dialog = house.dialog()
    await dialog.begin()
    names = b"".join(b"RCPT TO:<crowd+%d@example.org>\r\n" % number for number in range(6))
    said = await dialog.say(b"EHLO client\r\nMAIL FROM:<bob@example.net>\r\n" + names)
    assert [line[:9] for line in said[-6:]] == ["250 2.1.5"] * 4 + ["452 4.5.3"] * 2
    assert (await dialog.say(b"RCPT TO:<alice@example.org>\r\n")) == [TOO_MANY.encode().decode().strip()]
    assert (await dialog.say(b"DATA\r\n"))[0].startswith("354")
    assert (await dialog.say(b"Subject: x\r\n\r\nx\r\n.\r\n"))[0].startswith("250")
    assert len(await house.rows("SELECT 1 FROM queue_recipient")) == len(people)


async def test_the_ledger_knows_how_it_came(house: House) -> None:
    dialog = house.dialog()
    told: list[str] = []
    house.bus.subscribe(("account", 7), lambda: told.append("account"))
    await dialog.begin()
    await dialog.say(BEGIN)
    said = await dialog.say(b"Subject: x\r\n\r\nx\r\n.\r\n")
    rows = await house.rows("SELECT id, protocol, source, account, sender FROM ledger_message")
    assert rows == [(read_id(said[0].rpartition(" ")[2]), "smtp", "192.0.2.1", "", "bob@example.net")]
    assert told == ["account"]


async def test_large_messages_are_prepared_in_a_thread(house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(BEGIN)
    body = b"x" * 70 + b"\r\n"
    said = await dialog.say(b"Subject: large\r\n\r\n" + body * (2 * incoming.INLINE // len(body)) + b".\r\n")
    assert said[0].startswith("250")
    assert house.budget.used == 0


async def test_who_sends_too_much_is_named_in_the_log(house: House) -> None:
    dialog = await house.logged_in(limits=Limits(sending=SendLimits(hour_messages=1)))
    mail = b"MAIL FROM:<alice@example.org>\r\n"
    with capture_logs() as logged:
        await dialog.say(mail + b"RCPT TO:<bob@far.example>\r\nDATA\r\n")
        assert (await dialog.say(b"From: alice@example.org\r\n\r\nx\r\n.\r\n"))[-1].startswith("250")
        assert (await dialog.say(mail))[-1].startswith("450 4.7.1")
    (entry,) = [entry for entry in logged if entry["event"] == "sends too much"]
    assert (entry["account"], entry["address"]) == ("alice@example.org", CLIENT.address)


async def test_messages_that_come_at_once_are_not_all_the_last_that_may_be_sent(house: House) -> None:
    limits = Limits(network_sending=SendLimits(hour_messages=2))
    dialogs = [await house.logged_in(limits=limits) for _ in range(4)]
    for dialog in dialogs:
        await dialog.say(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@far.example>\r\nDATA\r\n")
    said = await asyncio.gather(
        *(dialog.say(b"From: alice@example.org\r\n\r\nx\r\n.\r\n") for dialog in dialogs)
    )
    assert sorted(answer[:3] for (answer,) in said) == ["250", "250", "450", "450"]


async def test_what_was_not_taken_is_not_counted(house: House) -> None:
    limits = Limits(network_sending=SendLimits(hour_messages=1))
    refusing = FailingDb(house.db, Refused(Kind.OVER_QUOTA, "full"))
    mail = b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@far.example>\r\nDATA\r\n"
    for db, code in ((refusing, "452"), (None, "250")):
        dialog = await house.logged_in(limits=limits)
        dialog.session.talk.services = house.services(db)
        await dialog.say(mail)
        assert (await dialog.say(b"From: alice@example.org\r\n\r\nx\r\n.\r\n"))[0].startswith(code)


async def test_what_other_servers_send_is_not_held_back_by_what_people_send(house: House) -> None:
    limits = Limits(network_sending=SendLimits(hour_messages=1))
    house.rates.count(CLIENT.address, 5, 5, START)
    dialog = house.dialog(limits=limits)
    await dialog.begin()
    await dialog.say(BEGIN)
    assert (await dialog.say(b"x\r\n.\r\n"))[0].startswith("250")


async def test_scram_without_tls(house: House) -> None:
    dialog = house.dialog(Profile.SUBMISSION)
    await dialog.begin()
    await dialog.say(b"EHLO client\r\n")
    client = ScramClient(["SCRAM-SHA-256"], "alice@example.org", "secret")
    first = b64encode(client.get_client_first().encode())
    [challenge] = await dialog.say(b"AUTH SCRAM-SHA-256 " + first + b"\r\n")
    assert challenge.startswith("334 ")
    client.set_server_first(b64decode(challenge[4:]).decode())
    [last] = await dialog.say(b64encode(client.get_client_final().encode()) + b"\r\n")
    assert last.startswith("334 ")
    client.set_server_final(b64decode(last[4:]).decode())
    assert await dialog.say(b"\r\n") == ["235 2.7.0 Authentication successful"]
    assert dialog.session.talk.account is not None


# -- what fails ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
async def test_what_the_store_refuses(house: House, kind: Kind) -> None:
    refusal = Refused(kind, "a detail for the log: /var/lib/correo")
    dialog = house.dialog(Profile.LMTP, db=FailingDb(house.db, refusal))
    await dialog.begin()
    await dialog.say(BEGIN.replace(b"EHLO", b"LHLO").replace(b"DATA", b"RCPT TO:<alice@example.org>\r\nDATA"))
    said = await dialog.say(b"x\r\n.\r\n")
    assert said == [str(STATUSES[kind])] * 2
    assert house.budget.used == 0
    assert await dialog.say(b"NOOP\r\n") == ["250 2.0.0 Ok"]


async def test_a_fault_of_ours_reaches_the_driver_and_frees_the_memory(house: House) -> None:
    dialog = house.dialog(db=FailingDb(house.db, ZeroDivisionError("secret detail")))
    await dialog.begin()
    await dialog.say(BEGIN)
    with pytest.raises(ZeroDivisionError):
        await dialog.say(b"x\r\n.\r\n")
    assert house.budget.used == 0
    dialog.session.broken("abc123")
    assert dialog.session.core.take_output() == b"421 4.3.0 Internal error, reference abc123\r\n"
    assert dialog.session.core.closed


async def test_an_account_that_went_after_rcpt_is_told_to_try_again(house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(BEGIN)
    await house.db.write(accounts.remove_account, "alice@example.org")
    assert await dialog.say(b"x\r\n.\r\n") == [str(STATUSES[Kind.UNAVAILABLE])]
    assert await house.rows("SELECT count(*) FROM ledger_message") == [(0,)]


async def test_memory_is_given_back_when_the_client_goes(house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(BEGIN)
    await dialog.say(b"x" * 200_000)
    assert house.budget.used >= 100_000
    assert await dialog.say(b"") == []
    await dialog.session.ended()
    assert house.budget.used == 0


# -- what is noted -------------------------------------------------------------------------------------------------------


async def test_who_talks_before_the_greeting_is_noted(house: House) -> None:
    dialog = house.dialog()
    dialog.session.core.receive(b"EHLO early\r\n")
    assert await dialog.begin() == "220 mail.example.org ESMTP Correo\r\n"
    assert dialog.session.talk.notes == {Note.EARLY}


@pytest.mark.parametrize(
    ("data", "rushed"),
    [
        (b"EHLO x\r\nNOOP\r\n", True),
        (b"HELO x\r\nMAIL FROM:<>\r\n", True),
        (b"EHLO x\r\n", False),
        (BEGIN.replace(b"EHLO client.example\r\n", b""), True),
    ],
)
async def test_who_sends_ahead_without_leave_is_noted(house: House, data: bytes, rushed: bool) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(data)
    assert (Note.RUSHED in dialog.session.talk.notes) is rushed


async def test_a_pipeline_after_ehlo_is_nothing_odd(house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(b"EHLO x\r\n")
    await dialog.say(b"MAIL FROM:<bob@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
    await dialog.say(b"x\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nQUIT\r\n")
    assert not dialog.session.talk.notes


# -- what is written in front --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "hello", "tls", "login", "utf8", "name"),
    [
        (Profile.MX, b"HELO x", None, False, False, "SMTP"),
        (Profile.MX, b"EHLO x", None, False, False, "ESMTP"),
        (Profile.MX, b"EHLO x", TLS, False, False, "ESMTPS"),
        (Profile.MX, b"EHLO x", TLS, False, True, "UTF8SMTPS"),
        (Profile.SUBMISSION, b"EHLO x", TLS, True, False, "ESMTPSA"),
        (Profile.SUBMISSION, b"EHLO x", None, True, False, "ESMTPA"),
        (Profile.SUBMISSION, b"EHLO x", TLS, True, True, "UTF8SMTPSA"),
        (Profile.LMTP, b"LHLO x", None, False, False, "LMTP"),
        (Profile.LMTP, b"LHLO x", TLS, False, True, "UTF8LMTPS"),
    ],
)
async def test_the_protocol_is_named_as_registered(
    house: House, profile: Profile, hello: bytes, tls: TlsInfo | None, login: bool, utf8: bool, name: str
) -> None:
    dialog = house.dialog(profile, tls)
    await dialog.begin()
    await dialog.say(hello + b"\r\n")
    if login:
        dialog.session.talk.account = await house.db.read(accounts.get_account, "alice@example.org")
    assert with_protocol(dialog.session.talk, utf8) == name


@pytest.mark.parametrize(
    ("address", "shown"), [("2001:db8::1", "([IPv6:2001:db8::1])"), ("unix", "(local socket)")]
)
async def test_received_says_nothing_a_client_could_forge(house: House, address: str, shown: str) -> None:
    dialog = house.dialog()
    dialog.session.talk.peer = Peer(address, 1)
    await dialog.begin()
    await dialog.say(b'EHLO x;(by)<evil>,"\\\xc3\xbc\r\nMAIL FROM:<>\r\n')
    talk = dialog.session.talk
    assert talk.transaction is not None
    field = received(talk, talk.transaction.envelope, "id", START).decode()
    assert field.startswith(f"Received: from x??by??evil????? {shown}\r\n\tby mail.example.org (Correo) with")
    assert "for <" not in field


# -- any octets ----------------------------------------------------------------------------------------------------------

LINES = [
    b"EHLO x", b"HELO x", b"LHLO x", b"MAIL FROM:<alice@example.org>", b"MAIL FROM:<> SIZE=10 BODY=8BITMIME SMTPUTF8",
    b"RCPT TO:<alice@example.org>", b"RCPT TO:<Postmaster>", b"RCPT TO:<x@example.com>", b"DATA", b"From: a@b.c", b"", b".", b"..",
    b"RSET", b"NOOP", b"VRFY x", b"HELP", b"HELP data", b"STARTTLS", b"AUTH PLAIN", b"AUTH LOGIN YQ==", b"*", b"YQ==", b"QUIT",
    b"AUTH PLAIN " + b64encode(b"\0alice@example.org\0secret"), b"GET / HTTP/1.1", b"Bcc: x", b"\xff", b"\0", b"x" * 3000,
]  # fmt: skip


def mutated(lines: list[bytes], places: list[tuple[int, bytes]]) -> bytes:
    data = bytearray(b"\r\n".join(lines) + b"\r\n")
    for place, octets in places:
        at = place % (len(data) + 1)
        data[at : at + len(octets) // 2] = octets
    return bytes(data)


DIALOGS = st.builds(
    mutated,
    st.lists(st.sampled_from(LINES), max_size=40),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), max_size=4),
)


def test_any_dialog_is_answered_to_its_end(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Sqlite.open(tmp_path / "correo.db", now=START, threaded=False))
        house = House(db)
        runner.run(house.furnish())

        async def talk(data: bytes, profile: Profile, tls: bool, size: int) -> None:
            dialog = house.dialog(
                profile,
                TLS if tls else None,
                limits=Limits(message_size=200, errors=50),
                allow_plaintext=True,
            )
            await dialog.begin()
            for start in range(0, len(data), size):
                for line in await dialog.say(data[start : start + size]):
                    assert line[:3].isdigit()
                    assert len(line) <= 510
                    assert 200 <= int(line[:3]) < 600
                core = dialog.session.core
                if core.tls_wanted:
                    core.tls_started()
                    dialog.session.tls_started(TLS)
                assert 0 <= dialog.session.timeout <= Limits().idle
            await dialog.say(b"")
            await dialog.session.ended()
            assert house.budget.used == 0

        @given(DIALOGS, st.sampled_from(Profile), st.booleans(), st.sampled_from([1, 7, 100_000]))
        @settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
        def every(data: bytes, profile: Profile, tls: bool, size: int) -> None:
            runner.run(talk(data, profile, tls, size))

        every()
        house.logins.close()
        runner.run(db.close())
