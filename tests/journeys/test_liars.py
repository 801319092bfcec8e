"""Five days with servers that break off, dawdle, or say what is not so: nothing is lost, nobody is told a falsehood, all on time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.journeys.liar import BY_CHUNKS, HONEST, SILENCE, WITHOUT_PIPELINING, Deed, Drip, Liar, Then
from tests.journeys.server import Server
from tests.journeys.test_bounces import ALICE, BOB, Report, house
from tests.journeys.town import Town, live

from correo.ledger import Entry, Event
from correo.mail.instant import DAY, HOUR, MINUTE

EHLO = HONEST["EHLO"]
SLOW = 12 * MINUTE  # more than the longest attempt that any of these can make last
STAGES = ("connect", "EHLO", "MAIL", "RCPT", "DATA", ".")

# Never an answer that counts: tried for five days.
NONSENSE: dict[str, dict[str, Deed]] = {
    "binary greeting": {"connect": b"\x16\x03\x01\x00\xa5\r\n"},
    "not SMTP": {"connect": b"HTTP/1.1 400 Bad Request\r\n\r\n"},
    "endless line": {"connect": b"220 " + b"x" * 100_000},
    "endless reply": {"EHLO": b"250-x\r\n" * 10_000},
    "endless line of a reply": {"EHLO": b"250-" + b"x" * 100_000 + b"\r\n250 x\r\n"},
    "a letter a minute": {"connect": Drip(b"220 mx.there.example ESMTP\r\n", 60.0)},
    "a letter a minute later": {"RCPT": Drip(b"250 2.1.5 ok\r\n", 60.0)},
    "code 199": {"MAIL": b"199 wait\r\n"},
    "code 600": {"RCPT": b"600 fine\r\n"},
    "code of two digits": {"EHLO": b"25 fine\r\n"},
    "code of letters": {".": b"abc fine\r\n"},
    "no code": {".": b"\r\n"},
    "354 to EHLO": {"EHLO": b"354 go on\r\n"},
    "354 to MAIL": {"MAIL": b"354 go on\r\n"},
    "354 to RCPT": {"RCPT": b"354 go on\r\n"},
    "354 after the message": {".": b"354 go on\r\n"},
    "250 to DATA": {"DATA": b"250 2.0.0 it is mine\r\n"},
    "250 with the 354": {"DATA": b"354 go on\r\n250 2.0.0 it is mine\r\n"},
    "250 with the 354, in one segment with the rest": {"RCPT": b"250 ok\r\n354 go on\r\n250 2.0.0 it is mine\r\n"},
    "too many answers, by chunks": {"EHLO": BY_CHUNKS + b"250 2.0.0 one more\r\n"},
    "half an answer": {".": Then(b"250 2.0.0 it is mi")},
    "half a code": {".": Then(b"25")},
    "more to come, and nothing does": {".": Then(b"250-2.0.0 it is mine\r\n")},
    "the last line says later": {".": b"250-2.0.0 it is mine\r\n451 4.3.0 or not\r\n"},
    "not now": {"connect": b"450 4.3.2 busy\r\n"},
    "greylisted for ever": {"RCPT": b"451 4.7.1 come back later\r\n"},
    "no room": {"MAIL": b"452 4.3.1 no room\r\n"},
    "content put off": {".": b"451 4.7.0 scanner is down\r\n"},
}  # fmt: skip
TROUBLES: dict[str, dict[str, Deed]] = {
    **NONSENSE,
    **{f"421 at {stage}": {stage: Then(b"421 4.3.2 going down\r\n")} for stage in STAGES},
    **{f"hangs up at {stage}": {stage: Then()} for stage in STAGES},
    **{f"silent at {stage}": {stage: SILENCE} for stage in STAGES},
    **{f"one command at a time, hangs up at {stage}": {"EHLO": WITHOUT_PIPELINING, stage: Then()} for stage in STAGES[2:]},
}  # fmt: skip


async def tried(town: Town, liar: Liar, wait: str) -> list[Entry]:
    """What became of a message, from its acceptance on."""
    here = await house(town)
    settle(town, liar)
    said = await here.send(ALICE, [BOB])
    await town.wait(wait)
    assert (await here.balance()).difference == 0
    return await journey(here, said.id)


def settle(town: Town, liar: Liar, domain: str = "there.example", preference: int = 10) -> None:
    """Make him a mail host of a domain."""
    address = town.address()
    town.publish(domain, f"mx{preference}.{domain}", address, preference)
    town.network.listen(address, 25, liar.serve)


async def journey(here: Server, id: str) -> list[Entry]:
    (found,) = await here.trace(id)
    return list(found.entries)


async def all_tried(town: Town, wait: str, *, honest: bool = False) -> dict[str, Tried]:
    """A message for each trouble there is, at the same time; `honest`: each has a second host without any."""
    here = await house(town)
    tried = {}
    for number, (name, deeds) in enumerate(TROUBLES.items()):
        domain = f"t{number}.example"
        one = tried[name] = Tried(Liar(deeds), Liar())
        settle(town, one.liar, domain)
        if honest:
            settle(town, one.honest, domain, 20)
        one.id = (await here.send(ALICE, [f"bob@{domain}"], mail=f" ENVID={number}")).id
    await town.wait(wait)
    assert (await here.balance()).difference == 0
    for one in tried.values():
        one.entries = await journey(here, one.id)
    return tried


@dataclass(slots=True)
class Tried:
    liar: Liar
    honest: Liar
    id: str = ""
    entries: list[Entry] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]


@live
async def test_tried_by_the_schedule_warned_of_and_given_up(town: Town) -> None:
    for name, one in (await all_tried(town, "5d30m")).items():
        at = {entry.event: entry.at - one.entries[0].at for entry in one.entries}
        assert 4 * HOUR <= at[Event.WARNED] < 4 * HOUR + SLOW, name
        assert 5 * DAY <= at[Event.BOUNCED] < 5 * DAY + SLOW, name
        assert 25 < one.events.count(Event.DEFERRED) < 42, name
        assert one.events.count(Event.WARNED) == 1, name
        assert Event.RELAYED not in one.events, name
    (here,) = town.servers
    assert await here.queued() == []
    reports = [Report.read(raw) for raw in await here.inbox(ALICE)]
    told = Counter((one.message["Original-Envelope-Id"], one.recipients[0]["Action"]) for one in reports)
    assert told == {(str(at), action): 1 for at in range(len(TROUBLES)) for action in ("delayed", "failed")}
    assert all(one.recipients[0]["Status"].startswith("4.") for one in reports)
    assert not any("\x16" in one.text for one in reports)


@live
async def test_it_is_taken_once_when_the_trouble_is_over(town: Town) -> None:
    tried = await all_tried(town, "1h")
    for name, one in tried.items():
        assert one.events.count(Event.DEFERRED) >= 2, name
        one.liar.deeds, one.liar.messages = {}, 0
    await town.wait("5h")
    assert {name: one.liar.messages for name, one in tried.items()} == dict.fromkeys(tried, 1)
    (here,) = town.servers
    assert (await here.balance()).relayed == len(tried)
    assert await here.queued() == []


@live
async def test_the_next_host_is_asked_unless_the_first_may_have_taken_it(town: Town) -> None:
    """What goes wrong before the message was sent costs nothing; what does after it would give it to two (RFC 5321 §4.5.3.2.6)."""
    for name, one in (await all_tried(town, "24m", honest=True)).items():
        if one.liar.messages and "." in TROUBLES[name]:
            assert one.honest.messages == 0, name
            assert Event.DEFERRED in one.events, name
        else:
            assert one.honest.messages == 1, name
            assert one.events == [Event.ACCEPTED, Event.RELAYED], name


@pytest.mark.parametrize(
    "deeds",
    [
        {".": Then(b"250 2.0.0 it is mine\r\n")},
        {".": Then(b"250 2.0.0 it is mine\r\n421 4.3.2 bye\r\n")},
        {".": b"250 2.0.0 it is mine\r\n250 2.0.0 and once more\r\n"},
        {".": b"550-5.7.1 perhaps\r\n250 2.0.0 it is mine\r\n"},
        {".": b"250 \xff\xfe\x1b[2J\x00 it is mine\r\n"},
        {".": b"250\r\n"},
        {".": b"250-" + b"x" * 4_000 + b"\r\n250 2.0.0 it is mine\r\n"},
        {".": b"299 5.0.0 odd, but yes\r\n"},
        {"QUIT": SILENCE},
        {"QUIT": b"500 what?\r\n"},
        {"connect": b"250 odd, but yes\r\n"},
        {"EHLO": b"502 what?\r\n"},
        {"EHLO": b"250-x\r\n250-SIZE 99999999999999999999999999999\r\n250 LIMITS RCPTMAX=0 MAILMAX=x\r\n"},
        {"connect": Drip(b"220 mx.there.example ESMTP\r\n", 2.0)},
    ],
    ids=lambda deeds: " ".join(f"{verb} {deed!r}"[:40] for verb, deed in deeds.items()),
)
def test_what_counts_as_taken_however_odd(deeds: dict[str, Deed], tmp_path: Path) -> None:
    @live
    async def story(town: Town) -> None:
        liar = Liar(deeds)
        entries = await tried(town, liar, "6h")
        assert [entry.event for entry in entries] == [Event.ACCEPTED, Event.RELAYED]
        assert liar.messages == 1
        assert entries[1].detail.isprintable()
        (here,) = town.servers
        assert await here.inbox(ALICE) == []

    story(tmp_path)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("reply", "status"),
    [(b"550 5.7.1 never\r\n", "5.7.1"), (b"554 never\r\n", "5.0.0"), (b"550-5.7.1 ne\r\n550 5.7.1 ver\r\n", "5.7.1")],
)  # fmt: skip
def test_a_refusal_for_good_is_told_at_once(stage: str, reply: bytes, status: str, tmp_path: Path) -> None:
    @live
    async def story(town: Town) -> None:
        entries = await tried(town, Liar({stage: reply, "HELO": reply}), "1m")
        assert [entry.event for entry in entries] == [Event.ACCEPTED, Event.BOUNCED]
        (here,) = town.servers
        report = Report.read(*await here.inbox(ALICE))
        assert (report.recipients[0]["Action"], report.recipients[0]["Status"]) == ("failed", status)
        assert report.recipients[0]["Diagnostic-Code"].startswith(f"smtp; {reply[:3].decode()}")

    story(tmp_path)


@live
async def test_a_server_that_says_it_pipelines_and_cannot(town: Town) -> None:
    """It throws away what it did not wait for; the transaction stalls, and another host is asked."""
    deaf, honest = Liar(deaf=True), Liar()
    settle(town, honest, preference=20)
    entries = await tried(town, deaf, "11m")
    assert [entry.event for entry in entries] == [Event.ACCEPTED, Event.RELAYED]
    assert (deaf.messages, honest.messages) == (0, 1)
