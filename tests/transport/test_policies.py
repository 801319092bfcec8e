"""What is asked of a connection, and what becomes of mail where it cannot be had: with real handshakes, in virtual time."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme
from tests.transport.land import MX, POLICY, ZONE, Land, in_a_land, land

from correo.clock.virtual import run
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.mail.instant import DAY, SECOND
from correo.mail.outcome import Deferred, Delivered, Failed
from correo.mail.protection import Protection
from correo.transport.policy.fetching import FETCH_SECONDS
from correo.transport.policy.guard import Settings
from correo.transport.policy.keeping import PAUSE, RENEW
from correo.transport.policy.results import KEPT_DAYS, WRITE_SECONDS, sessions

STRANGER = trustme.CA()
TESTING = POLICY.replace("enforce", "testing")
PAST: dict[str, Any] = {
    "not_before": datetime(2001, 1, 1, tzinfo=UTC),
    "not_after": datetime(2002, 1, 1, tzinfo=UTC),
}


def tlsa(certificate: bytes, usage: int = 3, name: str = MX) -> str:
    return f"_25._tcp.{name} TLSA {usage} 0 1 {hashlib.sha256(certificate).hexdigest()}"


# -- nothing is published ----------------------------------------------------------------------------------------------


@in_a_land()
async def test_without_a_policy_any_certificate_will_do(here: Land) -> None:
    here.host(by=STRANGER)
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.tls.startswith("TLSv1.3")
    assert outcome.policy == ""
    assert await here.counted() == {("no-policy-found", MX, ""): 1}


@in_a_land()
async def test_without_a_policy_clear_text_will_do(here: Land) -> None:
    here.host(offers=())
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.tls == ""
    assert await here.counted() == {("no-policy-found", MX, "starttls-not-supported"): 1}


# -- what the operator requires ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", ["there.example", ".example", "*"])
def test_required_tls(listed: str) -> None:
    async def scenario() -> None:
        async with land(settings=Settings(encrypt=[listed], ipv6=False)) as here:
            far = here.host(offers=())
            outcome = await here.send()
            assert isinstance(outcome, Deferred)
            assert outcome.status.enhanced == "4.7.5"
            assert "does not offer TLS" in outcome.status.text
            assert far.taken == []
            here.host(by=STRANGER)
            assert isinstance(await here.send(), Delivered)

    run(scenario())


@in_a_land(settings=Settings(encrypt=[".there.example", "other.example"], ipv6=False))
async def test_required_for_others(here: Land) -> None:
    here.host(offers=())
    assert isinstance(await here.send(), Delivered)


@in_a_land(settings=Settings(verify=["there.example"], ipv6=False))
async def test_verified_tls(here: Land) -> None:
    here.host(by=STRANGER)
    outcome = await here.send()
    assert isinstance(outcome, Deferred)
    assert outcome.status.enhanced == "4.7.5"
    assert "authority" in outcome.status.text
    here.host("10.0.0.1", "there.example")
    assert "another name" in str((await here.send()).status)
    here.host("10.0.0.1", MX, **PAST)
    assert "not valid" in str((await here.send()).status)
    here.host()
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "verified"
    assert await here.counted() == {
        ("no-policy-found", MX, ""): 1,
        ("no-policy-found", MX, "certificate-not-trusted"): 1,
        ("no-policy-found", MX, "certificate-host-mismatch"): 1,
        ("no-policy-found", MX, "certificate-expired"): 1,
    }


@in_a_land("", settings=Settings(verify=["*"], ipv6=False))
async def test_an_address_is_verified_as_what_it_is(here: Land) -> None:
    to = Address.parse("bob@[10.0.0.1]")
    here.host()
    assert "another name" in str((await here.send(to=to)).status)
    here.host("10.0.0.1", "10.0.0.1")
    assert isinstance(await here.send(to=to), Delivered)


# -- MTA-STS -----------------------------------------------------------------------------------------------------------


@in_a_land()
async def test_mta_sts_enforced(here: Land) -> None:
    web = here.web()
    far = here.host(by=STRANGER)
    outcome = await here.send()
    assert isinstance(outcome, Deferred)
    assert outcome.status.enhanced == "4.7.5"
    assert outcome.status.text.endswith("(wanted: MTA-STS)")
    assert far.taken == []
    here.host()
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "MTA-STS"
    assert [request.split(b"\r\n")[:2] for request in web.requests] == [
        [b"GET /.well-known/mta-sts.txt HTTP/1.1", b"Host: mta-sts.there.example"]
    ]
    assert await here.counted() == {("sts", MX, "certificate-not-trusted"): 1, ("sts", MX, ""): 1}


@in_a_land(ZONE + "there.example MX 20 mx2.there.example\nmx2.there.example A 10.0.0.2\n")
async def test_the_next_host_may_prove_itself(here: Land) -> None:
    here.web(POLICY + "mx: mx2.there.example\r\n")
    here.host(offers=())
    here.host("10.0.0.2", "mx2.there.example")
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.host.startswith("mx2.there.example")


@in_a_land(ZONE + "there.example MX 20 mx2.there.example\nmx2.there.example A 10.0.0.2\n")
async def test_hosts_that_the_policy_does_not_name_are_left_out(here: Land) -> None:
    here.web(POLICY.replace(MX, "mx2.there.example"))
    first = here.host()
    here.host("10.0.0.2", "mx2.there.example")
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert first.connections == 0
    assert ("sts", MX, "validation-failure") in await here.counted()


@in_a_land()
async def test_no_host_is_named(here: Land) -> None:
    here.web(POLICY.replace(MX, "*.elsewhere.example"))
    here.host()
    outcome = await here.send()
    assert isinstance(outcome, Deferred)
    assert "not among the mail hosts" in outcome.status.text


@in_a_land()
async def test_mta_sts_in_testing(here: Land) -> None:
    here.web(TESTING)
    here.host(by=STRANGER)
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.tls.startswith("TLSv1.3")
    assert outcome.policy.startswith("MTA-STS in testing failed")
    here.host()
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "MTA-STS in testing"
    assert await here.counted() == {("sts", MX, "certificate-not-trusted"): 1, ("sts", MX, ""): 1}


@in_a_land(settings=Settings(encrypt=["*"], ipv6=False))
async def test_what_the_operator_requires_holds_in_testing(here: Land) -> None:
    here.web(TESTING)
    here.host(offers=())
    assert isinstance(await here.send(), Deferred)


@in_a_land()
async def test_a_policy_given_up(here: Land) -> None:
    here.web("version: STSv1\nmode: none\nmax_age: 86400\n")
    here.host(offers=())
    assert isinstance(await here.send(), Delivered)
    assert ("no-policy-found", MX, "starttls-not-supported") in await here.counted()


@in_a_land(settings=Settings(sts=False, ipv6=False))
async def test_mta_sts_switched_off(here: Land) -> None:
    web = here.web()
    here.host(by=STRANGER)
    assert isinstance(await here.send(), Delivered)
    assert web.requests == []


@in_a_land("")
async def test_address_literals_have_no_policy(here: Land) -> None:
    here.host()
    outcome = await here.send(to=Address.parse("bob@[10.0.0.1]"))
    assert isinstance(outcome, Delivered)
    assert await here.counted() == {}


# -- fetching and keeping ----------------------------------------------------------------------------------------------


BAD_WEB = {
    "moved": {"status": 302, "extra": "Location: https://mta-sts.elsewhere.example/\r\n"},
    "gone": {"status": 404},
    "a page": {"kind": "text/html"},
    "nonsense": {"body": "mode: enforce"},
    "too long": {"body": POLICY + " " * 65536},
    "silent": {"silent": True},
}


@pytest.mark.parametrize(("kind", "changes"), BAD_WEB.items())
def test_a_policy_that_cannot_be_fetched(kind: str, changes: dict[str, object]) -> None:
    async def scenario() -> None:
        async with land() as here:
            web = here.web()
            for name, value in changes.items():
                setattr(web, name, value)
            here.host(offers=())
            assert isinstance(await here.send(), Delivered)
            assert isinstance(await here.send(), Delivered)
            assert len(web.requests) == 1  # nobody waits for it again so soon
            assert await here.kept() == []
            wrong = "sts-policy-invalid" if kind in ("a page", "nonsense") else "sts-policy-fetch-error"
            assert (await here.counted())["sts", "", wrong] == 1

    run(scenario())


@in_a_land()
async def test_a_web_server_that_does_not_prove_itself(here: Land) -> None:
    web = here.web()
    here.certify("10.0.9.1", "there.example")
    here.host(by=STRANGER)
    assert isinstance(await here.send(), Delivered)
    assert web.requests == []
    assert ("sts", "", "sts-webpki-invalid") in await here.counted()


@in_a_land()
async def test_a_slow_web_server_holds_mail_up_for_a_moment_only(here: Land) -> None:
    here.web().silent = True
    here.host()
    began = here.clock.now()
    assert isinstance(await here.send(), Delivered)
    assert here.clock.now() - began <= (FETCH_SECONDS + 1) * SECOND


@in_a_land()
async def test_a_policy_outlives_the_process_its_web_server_and_its_record(here: Land) -> None:
    web = here.web()
    here.host()
    assert isinstance(await here.send(), Delivered)
    await here.transport.close()
    here.network.unlisten("10.0.9.1", 443)
    here.zone.remove("_mta-sts.there.example")
    here.restart()
    here.host(offers=())
    assert isinstance(await here.send(), Deferred)
    here.zone.fail("_mta-sts.there.example")
    assert isinstance(await here.send(), Deferred)
    here.zone.heal("_mta-sts.there.example")
    here.announce("2")
    assert isinstance(await here.send(), Deferred)
    here.clock.advance(8 * DAY)
    assert isinstance(await here.send(), Delivered)  # it has expired
    assert len(web.requests) == 1


@in_a_land()
async def test_a_new_id_brings_a_new_policy(here: Land) -> None:
    web = here.web()
    here.host()
    await here.send()
    web.body = TESTING
    here.host(offers=())
    assert isinstance(await here.send(), Deferred)
    here.announce("2")
    assert isinstance(await here.send(), Delivered)
    assert [kept.policy_id for kept in await here.kept()] == ["2"]


@in_a_land()
async def test_a_bad_new_policy_leaves_the_old_one(here: Land) -> None:
    web = here.web()
    here.host()
    await here.send()
    web.body = "mode: none"
    here.announce("2")
    here.host(offers=())
    assert isinstance(await here.send(), Deferred)
    web.body = TESTING
    here.clock.advance(PAUSE + 1)
    assert isinstance(await here.send(), Delivered)


@in_a_land()
async def test_a_policy_is_fetched_again_before_it_expires(here: Land) -> None:
    web = here.web()
    here.host()
    await here.send()
    for _ in range(20):
        here.clock.advance(RENEW)
        await here.transport.renew()
    assert len(web.requests) == 21
    here.network.unlisten("10.0.9.1", 443)
    here.clock.advance(RENEW)
    await here.transport.renew()
    (kept,) = await here.kept()
    assert kept.expires > here.clock.now() + 5 * DAY  # one that cannot be fetched is kept


@in_a_land()
async def test_a_policy_that_nobody_uses_is_left_to_expire(here: Land) -> None:
    web = here.web()
    here.host()
    await here.send()
    for _ in range(40):
        here.clock.advance(RENEW)
        await here.transport.renew()
    assert 29 <= len(web.requests) <= 32
    assert await here.kept() == []


@in_a_land()
async def test_mail_does_not_wait_for_a_policy_that_cannot_be_kept(here: Land) -> None:
    async def full(op: Any, *args: Any, **kwargs: Any) -> Any:
        raise Refused(Kind.UNAVAILABLE, "disk full")

    write, here.db.write = here.db.write, full  # type: ignore[method-assign]
    here.web()
    here.host()
    assert isinstance(await here.send(), Delivered)
    here.host(offers=())
    assert isinstance(await here.send(), Deferred), "it is heeded all the same"
    here.db.write = write  # type: ignore[method-assign]


@in_a_land()
async def test_many_messages_at_once_fetch_once(here: Land) -> None:
    web = here.web()
    here.host()
    outcomes = await asyncio.gather(*(here.send() for _ in range(20)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert len(web.requests) == 1


# -- DANE --------------------------------------------------------------------------------------------------------------


@in_a_land(signed=True)
async def test_dane(here: Land) -> None:
    far = here.host()
    here.zone.add(tlsa(here.certify("10.0.0.1", "other.example", by=STRANGER)))
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "DANE"
    assert len(far.taken) == 1
    here.certify("10.0.0.1", MX)  # whom the system trusts has no say
    outcome = await here.send()
    assert isinstance(outcome, Deferred)
    assert outcome.status.enhanced == "4.7.5"
    assert outcome.status.text.endswith("not the one that its TLSA records name (wanted: DANE)")
    here.host(offers=())
    assert isinstance(await here.send(), Deferred)
    assert await here.counted() == {
        ("tlsa", MX, ""): 1,
        ("tlsa", MX, "certificate-not-trusted"): 1,
        ("tlsa", MX, "starttls-not-supported"): 1,
    }


@in_a_land(signed=True)
async def test_dane_by_trust_anchor_takes_the_name_of_the_domain_too(here: Land) -> None:
    here.host(by=STRANGER)
    anchor = hashlib.sha256(_der(STRANGER)).hexdigest()
    here.zone.add(f"_25._tcp.{MX} TLSA 2 0 1 {anchor}")
    # A root is not shown by those whom it has signed directly, unless it is in the DNS as a whole.
    assert isinstance(await here.send(), Deferred)
    here.zone.add(f"_25._tcp.{MX} TLSA 2 0 0 {_der(STRANGER).hex()}")
    assert isinstance(await here.send(), Delivered)
    here.host("10.0.0.1", "there.example", by=STRANGER)
    assert isinstance(await here.send(), Delivered)
    here.host("10.0.0.1", "other.example", by=STRANGER)
    assert isinstance(await here.send(), Deferred)


@in_a_land(signed=False)
async def test_tlsa_records_that_are_not_secure_say_nothing(here: Land) -> None:
    here.host(by=STRANGER)
    here.zone.add(tlsa(b"other"))
    assert isinstance(await here.send(), Delivered)
    assert await here.counted() == {("no-policy-found", MX, ""): 1}


@in_a_land(signed=True)
async def test_dane_goes_before_mta_sts(here: Land) -> None:
    web = here.web()
    here.host()
    here.zone.add(tlsa(b"other"))
    assert isinstance(await here.send(), Deferred)
    here.zone.remove(f"_25._tcp.{MX}")
    here.zone.add(tlsa(here.certify("10.0.0.1", MX, by=STRANGER)))
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "DANE"
    assert web.requests == []


@in_a_land(signed=True)
async def test_records_that_cannot_be_used_still_ask_for_tls(here: Land) -> None:
    here.zone.add(tlsa(b"other", usage=1))
    here.host(offers=())
    assert isinstance(await here.send(), Deferred)
    here.host(by=STRANGER)
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "DANE without a usable record"
    here.web()  # then what else is published counts
    assert isinstance(await here.send(), Deferred)


@in_a_land(signed=True)
async def test_a_host_whose_records_cannot_be_had_is_not_used(here: Land) -> None:
    far = here.host()
    here.zone.fail(f"_25._tcp.{MX}")
    outcome = await here.send()
    assert isinstance(outcome, Deferred)
    assert far.connections == 0
    here.zone.heal(f"_25._tcp.{MX}")
    assert isinstance(await here.send(), Delivered)
    assert ("tlsa", MX, "dnssec-invalid") in await here.counted()


@in_a_land(f"there.example MX 10 {MX}\n{MX} CNAME real.example\nreal.example A 10.0.0.1\n", signed=True)
async def test_records_of_an_alias(here: Land) -> None:
    """RFC 7672 §2.2.2: under the name at its end first."""
    here.host()
    here.zone.add(tlsa(b"other"))
    assert isinstance(await here.send(), Deferred)
    here.zone.add(tlsa(here.certify("10.0.0.1", "any.example"), name="real.example"))
    assert isinstance(await here.send(), Delivered)


@in_a_land(f"there.example MX 10 {MX}\n{MX} CNAME real.example\nreal.example A 10.0.0.1\n", signed=True)
async def test_records_of_an_alias_that_leads_out_of_what_is_signed(here: Land) -> None:
    """RFC 7672 §2.2.2: the alias itself is signed, and so may be what is published under its name."""
    here.unsigned |= {(MX, "A"), ("_25._tcp.real.example", "TLSA")}
    here.host()
    here.zone.add(tlsa(b"other", name="real.example"))
    assert isinstance(await here.send(), Delivered)
    here.zone.add(tlsa(b"other"))
    assert isinstance(await here.send(), Deferred)
    here.unsigned.add((MX, "CNAME"))
    assert isinstance(await here.send(), Delivered)


@in_a_land(signed=True)
async def test_hosts_that_are_not_named_securely_have_no_records(here: Land) -> None:
    """Whoever can forge the MX record can name a host of his own, with records to match."""
    here.unsigned.add(("there.example", "MX"))
    here.host()
    here.zone.add(tlsa(b"other"))
    outcome = await here.send()
    assert isinstance(outcome, Delivered)
    assert outcome.policy == ""


@in_a_land(signed=True)
async def test_nothing_is_asked_about_a_host_whose_address_is_not_secure(here: Land) -> None:
    """RFC 7672 §2.2.2: some servers of such zones give no answer to it."""
    here.unsigned.add((MX, "A"))
    here.host()
    here.zone.fail(f"_25._tcp.{MX}")
    assert isinstance(await here.send(), Delivered)


@in_a_land("there.example A 10.0.0.1\n", signed=True)
async def test_a_domain_that_is_its_own_host(here: Land) -> None:
    here.host("10.0.0.1", "there.example")
    here.zone.add(tlsa(b"other", name="there.example"))
    assert isinstance(await here.send(), Deferred)


@in_a_land(signed=True, settings=Settings(dane=False, ipv6=False))
async def test_dane_switched_off(here: Land) -> None:
    here.host()
    here.zone.add(tlsa(b"other"))
    assert isinstance(await here.send(), Delivered)


# -- what the sender asks for ------------------------------------------------------------------------------------------

PROMISES = ("STARTTLS", "REQUIRETLS")


def requiring(here: Land, outcome: object, enhanced: str) -> None:
    assert isinstance(outcome, Failed)
    assert outcome.status.code == 550
    assert outcome.status.enhanced == enhanced


@in_a_land()
async def test_requiretls_by_mta_sts(here: Land) -> None:
    here.web()
    heard: list[str] = []
    far = here.host(offers=PROMISES)
    far.answer = lambda line: heard.append(line)
    outcome = await here.send(Protection.REQUIRED)
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "REQUIRETLS, MTA-STS"
    assert "MAIL FROM:<ana@here.example> REQUIRETLS" in heard
    far = here.host(offers=("STARTTLS",))
    requiring(here, await here.send(Protection.REQUIRED), "5.7.30")
    here.host(offers=("REQUIRETLS",))
    requiring(here, await here.send(Protection.REQUIRED), "5.7.10")
    here.host(by=STRANGER, offers=PROMISES)
    requiring(here, await here.send(Protection.REQUIRED), "5.7.10")
    assert far.taken == []


@in_a_land(signed=True)
async def test_requiretls_by_dnssec(here: Land) -> None:
    here.host(offers=PROMISES)
    assert isinstance(await here.send(Protection.REQUIRED), Delivered)
    here.zone.add(tlsa(here.certify("10.0.0.1", MX, by=STRANGER)))
    outcome = await here.send(Protection.REQUIRED)
    assert isinstance(outcome, Delivered)
    assert outcome.policy == "REQUIRETLS, DANE"


@in_a_land()
async def test_requiretls_where_nothing_proves_the_host(here: Land) -> None:
    far = here.host(offers=PROMISES)
    requiring(here, await here.send(Protection.REQUIRED), "5.7.10")
    assert far.connections == 0
    here.web().silent = True  # there may be a policy after all
    assert isinstance(await here.send(Protection.REQUIRED), Deferred)


@in_a_land(ZONE + "there.example MX 20 mx2.there.example\nmx2.there.example A 10.0.0.2\n", signed=True)
async def test_requiretls_tries_every_host(here: Land) -> None:
    here.host()
    here.host("10.0.0.2", "mx2.there.example", offers=PROMISES)
    outcome = await here.send(Protection.REQUIRED)
    assert isinstance(outcome, Delivered)
    assert outcome.host.startswith("mx2")


@in_a_land()
async def test_a_notice_under_requiretls_is_not_lost(here: Land) -> None:
    """RFC 8689 §5."""
    heard: list[str] = []
    far = here.host(offers=PROMISES)
    far.answer = lambda line: heard.append(line)
    assert isinstance(await here.send(Protection.REQUIRED, sender=None), Delivered)
    assert "MAIL FROM:<>" in heard
    here.web()
    assert isinstance(await here.send(Protection.REQUIRED, sender=None), Delivered)
    assert "MAIL FROM:<> REQUIRETLS" in heard
    here.host()
    assert isinstance(await here.send(Protection.REQUIRED, sender=None), Delivered)
    here.host(by=STRANGER)
    assert isinstance(await here.send(Protection.REQUIRED, sender=None), Deferred)


@in_a_land(signed=True)
async def test_a_connection_is_kept_for_messages_that_want_the_same(here: Land) -> None:
    here.restart(idle=60)
    far = here.host(by=STRANGER, offers=PROMISES)
    assert isinstance(await here.send(), Delivered)
    requiring(here, await here.send(Protection.REQUIRED), "5.7.10")
    assert isinstance(await here.send(), Delivered)
    assert [taken.recipients for taken in far.taken] == [("bob@there.example",)] * 2
    assert far.connections == 2


@in_a_land(signed=True)
async def test_tls_required_no(here: Land) -> None:
    here.zone.add(tlsa(b"other"))
    here.host()
    outcome = await here.send(Protection.OPTIONAL)
    assert isinstance(outcome, Delivered)
    assert outcome.tls.startswith("TLSv1.3")
    assert outcome.policy.startswith("DANE failed")
    here.host(offers=())
    assert isinstance(await here.send(Protection.OPTIONAL), Delivered)
    here.zone.fail(f"_25._tcp.{MX}")
    assert isinstance(await here.send(Protection.OPTIONAL), Delivered)


@in_a_land()
async def test_tls_required_no_against_mta_sts(here: Land) -> None:
    here.web()
    here.host(offers=())
    assert isinstance(await here.send(Protection.OPTIONAL), Delivered)
    here.zone.remove("there.example", "MX")
    here.zone.add("there.example MX 10 mx9.there.example")
    here.zone.add("mx9.there.example A 10.0.0.1")
    assert isinstance(await here.send(), Deferred)
    assert isinstance(await here.send(Protection.OPTIONAL), Delivered)


@in_a_land(settings=Settings(encrypt=["*"], ipv6=False))
async def test_tls_required_no_does_not_bind_the_operator(here: Land) -> None:
    here.host(offers=())
    assert isinstance(await here.send(Protection.OPTIONAL), Deferred)


# -- counting ----------------------------------------------------------------------------------------------------------


@in_a_land()
async def test_counts_are_written_once_a_minute_and_kept_for_a_month(here: Land) -> None:
    here.host()
    for _ in range(3):
        await here.send()
    assert await here.db.read(sessions, 0) == []
    await asyncio.sleep(WRITE_SECONDS + 1)
    ((first, count),) = await here.db.read(sessions, 0, "there.example")
    assert (first.domain, count) == ("there.example", 3)
    await here.send()
    assert await here.counted() == {("no-policy-found", MX, ""): 4}
    here.clock.advance(KEPT_DAYS * DAY)
    await here.send()
    await here.transport.renew()
    assert await here.counted() == {("no-policy-found", MX, ""): 5}
    here.clock.advance(DAY)
    await here.transport.renew()
    assert await here.counted() == {("no-policy-found", MX, ""): 1}
    assert await here.db.read(sessions, 0, "elsewhere.example") == []


def _der(authority: trustme.CA) -> bytes:
    return ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
