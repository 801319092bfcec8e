"""Mail that must not go in the clear, or may although its destination would rather wait (RFC 8689, RFC 8461)."""

from __future__ import annotations

import ssl

from tests.journeys.client import Said, Smtp, settle_down
from tests.journeys.far import Far
from tests.journeys.server import AUTHORITY, Server
from tests.journeys.test_bounces import ALICE, BOB, Report, house
from tests.journeys.town import Town, live

from correo.ledger import Event
from correo.transport.policy.guard import Settings

PLAIN = ("PIPELINING", "8BITMIME", "DSN")
TLS = (*PLAIN, "STARTTLS")
PROMISES = (*TLS, "REQUIRETLS")
FREE = b"TLS-Required: No\r\n"


class Listening(Far):
    """Remembers the senders as they were written."""

    def __init__(self, *extensions: str) -> None:
        self.said: list[str] = []
        super().__init__(self._note, extensions)

    def _note(self, line: str) -> None:
        if line.startswith("MAIL"):
            self.said.append(line)


def there(town: Town, far: Far) -> Far:
    """A server with a certificate, in a DNS that is signed."""
    town.far("there.example", far)
    town.zone.authentic = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("mx.there.example").configure_cert(context)
    town.network.certificates[town.hosts["mx.there.example"]] = context
    return far


async def submit(here: Server, mail: str = " REQUIRETLS") -> Said:
    """Alice writes to Bob over TLS."""
    smtp = Smtp(await here.dial("submission"))
    await smtp.hello()
    assert (await smtp.ask("STARTTLS")).code == 220
    await settle_down()
    assert "REQUIRETLS" in (await smtp.ask("EHLO client.example")).text
    await smtp.log_in(ALICE)
    said = await smtp.send(ALICE, [BOB], here.town.letter(ALICE, [BOB]), mail)
    await smtp.quit()
    await settle_down()
    return said


async def details(here: Server, said: Said, event: Event) -> list[str]:
    (journey,) = await here.trace(said.id)
    return [entry.detail for entry in journey.entries if entry.event is event]


@live
async def test_required_tls_is_asked_of_the_next_server_too(town: Town) -> None:
    here = await house(town)
    far = there(town, Listening(*PROMISES))
    said = await submit(here)
    assert [taken.recipients for taken in far.taken] == [(BOB,)]
    assert isinstance(far, Listening)
    assert far.said[0].endswith(" REQUIRETLS") or " REQUIRETLS " in far.said[0]
    (detail,) = await details(here, said, Event.RELAYED)
    assert "TLSv1.3" in detail
    assert detail.endswith("REQUIRETLS")


@live
async def test_it_comes_back_from_a_server_that_does_not_promise_it(town: Town) -> None:
    here = await house(town)
    far = there(town, Listening(*TLS))
    await submit(here, " REQUIRETLS RET=FULL")
    assert far.taken == []
    (notice,) = await here.inbox(ALICE)
    report = Report.read(notice)
    assert report.recipients[0]["Status"] == "5.7.30"
    assert b"This is letter" not in notice  # RFC 8689 §5: no more than the header


@live
async def test_it_comes_back_from_a_server_without_tls(town: Town) -> None:
    here = await house(town)
    far = there(town, Listening(*PLAIN, "REQUIRETLS"))
    await submit(here)
    assert far.taken == []
    report = Report.read(*await here.inbox(ALICE))
    assert report.recipients[0]["Status"] == "5.7.10"


@live
async def test_a_notice_of_it_is_protected_as_well(town: Town) -> None:
    """From a server beyond: it has taken the message, and must tell the sender, who is here, that it cannot be delivered."""
    here = await house(town)
    far = there(town, Listening(*PROMISES))
    smtp = Smtp(await here.dial("mx"))
    await smtp.hello()
    assert (await smtp.ask("STARTTLS")).code == 220
    await settle_down()
    await smtp.ask("EHLO client.example")
    await here.alias("out@here.example", "nobody@no.example")
    await smtp.send(BOB, ["out@here.example"], town.letter(BOB, ["out@here.example"]), " REQUIRETLS")
    await smtp.quit()
    await town.wait("1m")
    assert isinstance(far, Listening)
    assert [taken.sender for taken in far.taken] == [""]
    assert "REQUIRETLS" in far.said[0]


@live
async def test_tls_required_no_goes_out_all_the_same(town: Town) -> None:
    here = await house(town)
    far = there(town, Far(extensions=PLAIN))
    town.zone.add(f"_25._tcp.mx.there.example. TLSA 3 1 1 {'00' * 32}")
    waiting = await here.send(ALICE, [BOB])
    assert far.taken == []
    free = await here.send(ALICE, [BOB], FREE + town.letter(ALICE, [BOB]))
    assert len(far.taken) == 1
    assert far.taken[0].text.count(FREE) == 1
    (why,) = await details(here, waiting, Event.DEFERRED)
    assert why.startswith("451 4.7.5")
    assert why.endswith("(wanted: DANE)")
    (how,) = await details(here, free, Event.RELAYED)
    assert "DANE failed" in how


@live
async def test_what_the_operator_requires_makes_mail_wait_and_come_back_in_the_end(town: Town) -> None:
    here = await house(town)
    await here.stop()
    here.protection = Settings(encrypt=["there.example"], ipv6=False)
    await here.start()
    far = there(town, Far(extensions=PLAIN))
    said = await here.send(ALICE, [BOB])
    await town.wait("4d")
    assert [state for _, state, _ in await here.queued()] == ["waiting"]
    await town.wait("2d")
    assert far.taken == []
    assert len(await details(here, said, Event.BOUNCED)) == 1
    assert all("does not offer TLS" in why for why in await details(here, said, Event.DEFERRED))


@live
async def test_what_else_is_said_about_tls_changes_nothing(town: Town) -> None:
    here = await house(town)
    far = there(town, Far(extensions=PLAIN))
    town.zone.add(f"_25._tcp.mx.there.example. TLSA 3 1 1 {'00' * 32}")
    for field in (
        b"TLS-Required: Yes\r\n",
        b"TLS-Required:\r\n",
        b"X-TLS-Required: No\r\n",
        b"TLS-Required: Not\r\n",
    ):
        await here.send(ALICE, [BOB], field + town.letter(ALICE, [BOB]))
    assert far.taken == []
    await here.send(ALICE, [BOB], b"tls-required:\r\n NO \r\n" + town.letter(ALICE, [BOB]))
    assert len(far.taken) == 1
