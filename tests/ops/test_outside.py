"""What `correo check` finds when it looks at the server as others do: published policies, public addresses, relaying; and the clock."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from correo.clock.virtual import VirtualClock
from correo.dns.zone import Zone, ZoneResolver
from correo.net.memory import MemoryNetwork, MemoryStream
from correo.ops import spool
from correo.ops.checkup import Finding, Level
from correo.ops.checkup.clock import MAX_ERROR, Kept, ask_kernel, check_clock
from correo.ops.checkup.letters import check_spool
from correo.ops.checkup.names import check_names
from correo.ops.checkup.published import check_published
from correo.ops.checkup.reach import check_reach
from correo.ops.checkup.relaying import TO, check_relaying
from correo.wire.smtp.letter import Letter

ALL = """
_dmarc.example.com.            TXT  "v=DMARC1; p=reject; rua=mailto:a@example.com"
key._domainkey.example.com.    TXT  "v=DKIM1; p=x"
_mta-sts.example.com.          TXT  "v=STSv1; id=1"
mta-sts.example.com.           A    9.9.9.9
_smtp._tls.example.com.        TXT  "v=TLSRPTv1; rua=mailto:a@example.com"
"""


def resolver(zone: str) -> ZoneResolver:
    return ZoneResolver(Zone(zone), VirtualClock())


def said(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(one.level, one.words) for one in findings]


async def test_everything_is_published() -> None:
    found = await check_published("example.com", resolver(ALL))
    assert [one.level for one in found] == [Level.OK] * 4


async def test_nothing_is_published() -> None:
    found = await check_published("example.com", resolver("example.com. A 9.9.9.9\n"))
    assert [one.level for one in found] == [Level.ADVICE] * 4
    assert "_dmarc.example.com. TXT" in found[0].words


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("p=reject; ", "", "without p="),
        ("p=reject; ", "sp=reject; ", "without p="),
        (
            "_mta-sts.example.com.          TXT",
            '_dmarc.example.com. TXT "v=DMARC1; p=none"\nx. TXT',
            "2 DMARC",
        ),
        ("mta-sts.example.com.           A", "x.example.com. A", "nobody can fetch"),
        ("9.9.9.9", '9.9.9.9\n_mta-sts.example.com. TXT "v=STSv1; id=2"', "2 MTA-STS"),
    ],
)
async def test_what_is_published_wrongly(before: str, after: str, words: str) -> None:
    found = said(await check_published("example.com", resolver(ALL.replace(before, after, 1))))
    assert any(words in one for level, one in found if level is Level.WARNING), found


@pytest.mark.parametrize(
    ("spf", "level", "words"),
    [
        ('"v=spf1 mx -all"', Level.OK, "has an SPF record"),
        ('"v=spf1 mx +all"', Level.WARNING, "lets everybody"),
        ('"v=spf1 all"', Level.WARNING, "lets everybody"),
        ('"v=spf10 mx"', Level.WARNING, "has no SPF record"),
        ('"v=spf1 mx -all"\nexample.com. TXT "v=spf1 -all"', Level.PROBLEM, "2 SPF records"),
    ],
)
async def test_spf(spf: str, level: Level, words: str) -> None:
    zone = f"mail.example.com. A 9.9.9.9\nexample.com. MX 10 mail.example.com.\nexample.com. TXT {spf}\n"
    found = said(await check_names("mail.example.com", ["example.com"], resolver(zone)))
    assert any(one == level and words in text for one, text in found), found


# -- the network -------------------------------------------------------------------------------------------------------


def listening(network: MemoryNetwork, address: str, port: int, *answers: str) -> list[bytes]:
    """Somebody who greets with the first of `answers` and says the others in turn; what he was told."""
    heard: list[bytes] = []

    async def serve(stream: MemoryStream) -> None:
        for answer in answers:
            stream.write(answer.encode() + b"\r\n")
            data = await stream.read(5)
            if not isinstance(data, bytes) or not data:
                return
            heard.append(data)

    network.listen(address, port, serve)
    return heard


OURS = "220 mail.example.com ESMTP Correo"
ZONE = "mail.example.com. A 9.9.9.9\nmail.example.com. A 192.168.1.7\nmail.example.com. AAAA 2620:fe::9\n"


async def test_the_server_at_its_public_addresses() -> None:
    network = MemoryNetwork()
    listening(network, "9.9.9.9", 25, OURS)
    listening(network, "2620:fe::9", 25, "220 router.example.net")
    ports = [("smtp", 25, False), ("imap", 993, True)]
    found = await check_reach("mail.example.com", ports, resolver(ZONE), network.dialer())
    assert {one.about: one.level for one in found} == {
        "smtp 9.9.9.9:25": Level.OK,
        "imap 9.9.9.9:993": Level.WARNING,
        "smtp [2620:fe::9]:25": Level.WARNING,
        "imap [2620:fe::9]:993": Level.WARNING,
    }
    assert any("router.example.net" in one.words for one in found)
    await network.close()


async def relaying(network: MemoryNetwork, tls: str = "starttls") -> list[Finding]:
    return await check_relaying("0.0.0.0:25", tls, "mail.example.com", ["example.com"], network.dialer())


async def test_a_server_that_takes_nothing_for_others() -> None:
    network = MemoryNetwork()
    once = ("250 Ok", "550 5.7.1 Relaying denied", "250 Ok")
    heard = listening(network, "127.0.0.1", 25, OURS, "250 mail.example.com", *once, *once, *once, "221 Bye")
    (finding,) = await relaying(network)
    assert finding.level is Level.OK
    mail = [line for line in heard if line.startswith(b"MAIL")]
    assert mail == [
        b"MAIL FROM:<>\r\n",
        b"MAIL FROM:<relay-test@example.net>\r\n",
        b"MAIL FROM:<postmaster@example.com>\r\n",
    ]
    assert not any(line.startswith(b"DATA") for line in heard)
    await network.close()


async def test_one_that_takes_it_is_a_problem_and_gets_no_message() -> None:
    network = MemoryNetwork()
    once = ("250 Ok", "550 5.7.1 Relaying denied", "250 Ok")
    heard = listening(
        network, "127.0.0.1", 25, OURS, "250 mail.example.com", *once, "250 Ok", "250 Ok", "250 Ok"
    )
    (finding,) = await relaying(network)
    assert (finding.level, "<relay-test@example.net>" in finding.words) == (Level.PROBLEM, True)
    assert heard[-1] == f"RCPT TO:<{TO}>\r\n".encode()
    await network.close()


@pytest.mark.parametrize("greeting", ["220 other.example.net ESMTP", "421 Busy", "SSH-2.0", "554 No"])
async def test_who_is_somebody_else_is_not_asked(greeting: str) -> None:
    network = MemoryNetwork()
    heard = listening(network, "127.0.0.1", 25, greeting, "250 Ok")
    assert await relaying(network) == []
    assert await relaying(network, "implicit") == []
    await asyncio.sleep(0)
    assert heard == []
    network.unlisten("127.0.0.1", 25)
    assert await relaying(network) == []
    await network.close()


# -- this machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "level", "words"),
    [
        (Kept(True, 20_000), Level.OK, "keeps it right"),
        (Kept(False, 16_000_000), Level.WARNING, "set-ntp true"),
        (Kept(True, MAX_ERROR * 2), Level.WARNING, "wrong by 20 seconds"),
    ],
)
def test_the_clock(kept: Kept, level: Level, words: str) -> None:
    (finding,) = check_clock(kept)
    assert (finding.level, words in finding.words) == (level, True)
    assert check_clock(None) == []


def test_the_kernel_can_be_asked() -> None:
    kept = ask_kernel()
    assert kept is None or 0 <= kept.error < 10**12


def test_the_spool(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    (missing,) = check_spool(folder, "mailer")
    assert (missing.level, "install -d -o mailer -g mailer -m 3733" in missing.words) == (Level.WARNING, True)
    spool.prepare(folder)
    (fine,) = check_spool(folder, "")
    assert fine.level is Level.OK
    spool.put(folder, Letter("", ("a@example.org",), b""), "0123456789")
    spool.set_aside(folder, "0123456789")
    (aside,) = check_spool(folder, "")
    assert (aside.level, "1 letter that" in aside.words) == (Level.WARNING, True)
    os.chmod(folder, 0o755)
    (closed,) = check_spool(folder, "")
    assert (closed.level, "put it right" in closed.words) == (Level.WARNING, True)
