"""`correo trace`: found by what people have, for the operator and for the owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.cli.conftest import House

from correo.cli import moments
from correo.cli.terminal import EX_NOPERM, EX_NOUSER, EX_UNAVAILABLE, EX_USAGE, Failure
from correo.cli.trace_owner import _quoted
from correo.mail.instant import DAY, HOUR, iso8601

NOW = 1_795_463_580_000_000  # 2026-11-23T19:53:00Z


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-11-23", "2026-11-23T00:00:00", "2026-11-24T00:00:00"),
        ("today", "2026-11-23T00:00:00", "2026-11-24T00:00:00"),
        ("Yesterday", "2026-11-22T00:00:00", "2026-11-23T00:00:00"),
        ("2026-11-23T09:53", "2026-11-23T09:53:00", "2026-11-23T09:53:00"),
        ("2026-11-23 09:53:07Z", "2026-11-23T09:53:07", "2026-11-23T09:53:07"),
        ("2026-11-23t09:53:07+01:00", "2026-11-23T08:53:07", "2026-11-23T08:53:07"),
        ("now", "2026-11-23T19:53:00", "2026-11-23T19:53:00"),
        ("2h", "2026-11-23T17:53:00", "2026-11-23T17:53:00"),
        ("1d12h", "2026-11-22T07:53:00", "2026-11-22T07:53:00"),
    ],
)
def test_moments(text: str, since: str, until: str) -> None:
    assert iso8601(moments.since(text, NOW)).startswith(since)
    assert iso8601(moments.until(text, NOW)).startswith(until)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01", "25:00", "2", "-2h", "2026-11-23T99", "1e9", "20261123T"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(Failure, match="is no time") as wrong:
        moments.since(text, NOW)
    assert wrong.value.code == EX_USAGE


def test_by_subject_and_time(house: House) -> None:
    lunch = house.receive("eve@far.example", "bob@example.com", subject="Lunch on =?utf-8?q?M=C3=BCnday?=")
    house.receive("eve@far.example", "bob@example.com", subject="Dinner")
    assert [one["id"] for one in house("trace", "--subject", "MÜNDAY lunch", "--json").json] == [lunch]
    assert len(house("trace", "bob@example.com", "--since", "1h", "--json").json) == 2
    assert len(house("trace", "--json").json) == 2
    assert len(house("trace", "--json", "--limit", "1").json) == 1
    assert house("trace", "--until", "1h").code == EX_NOUSER
    assert house("trace", "--since", "1h", "--until", "2h").code == EX_USAGE
    wrong = house("trace", "--since", "whenever")
    assert (wrong.code, "2026-11-23" in wrong.err) == (EX_USAGE, True)


def test_what_senders_write_is_not_obeyed(house: House) -> None:
    house.receive("eve@far.example", "bob@example.com", subject="=?utf-8?q?=1B[2Jcleared?=")
    ran = house("trace", "--subject", "cleared")
    assert "cleared" in ran.out
    assert "\x1b" not in ran.out


def test_for_the_owner(house: House) -> None:
    id = house.receive("eve@far.example", "bob@example.com", "alice@example.com")
    assert "alice@example.com" in house("trace", id).out
    his = house("trace", id, "--for", "BOB@example.com")
    assert "bob@example.com" in his.out
    assert "alice" not in his.out
    assert house("trace", "alice@example.com", "--for", "bob@example.com").code == EX_NOUSER
    assert house("trace", "--for", "carol@example.com").code == EX_NOUSER
    assert house("trace", "--for", "no address").code == EX_USAGE


def test_options_that_go_together(house: House) -> None:
    for arguments in (
        ("--as", "bob@example.com", "--follow"),
        ("--as", "bob@example.com", "--for", "bob@example.com"),
        ("--server", "mail.example.com"),
        ("--as", "bob@example.com", "--server", "mail.example.com:imap"),
    ):
        assert house("trace", *arguments).code == EX_USAGE


def test_text_that_is_searched_for_is_one_line() -> None:
    assert _quoted('a "b" \\ ü') == '"a \\"b\\" \\\\ ü"'
    with pytest.raises(Failure):
        _quoted("a\r\nb LOGOUT")


# -- the owner asks the server ---------------------------------------------------------------------------------------------

ANSWER = (
    b'[{"id":5,"at":1795463580000000,"protocol":"smtp","source":"192.0.2.7","account":"","sender":"eve@far.example",'
    b'"message_id":"<1@far.example>","subject":"Lunch","size":9,"entries":[{"id":6,"at":1795463580000000,'
    b'"recipient":"bob@example.com","event":"accepted","delta":1,"host":"","detail":""}]}]'
)


@asynccontextmanager
async def imap(*, knows: bool) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server of a few words, without TLS."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        while line := await reader.readline():
            heard.append(line)
            tag, _, rest = line.rstrip().partition(b" ")
            name = rest.split(b" ")[0].upper()
            if name == b"AUTHENTICATE":
                writer.write(b"+ \r\n")
                heard.append(await reader.readline())
                knows_him = b"Ym9i" in heard[-1] or b"Jv" in heard[-1]
                writer.write(
                    tag + (b" OK in\r\n" if knows_him else b" NO [AUTHENTICATIONFAILED] no\x1b[2J\r\n")
                )
            elif name == b"CAPABILITY":
                writer.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK done\r\n")
            elif name == b"XTRACE" and knows:
                writer.write(b"* XTRACE {%d}\r\n%b\r\n%b OK known\r\n" % (len(ANSWER), ANSWER, tag))
            else:
                writer.write(tag + b" BAD no such command\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


def ask(house: House, *arguments: str, knows: bool = True) -> tuple[int, str, str, list[bytes]]:
    async def run() -> tuple[int, str, str, list[bytes]]:
        async with imap(knows=knows) as (port, heard):
            ran = await asyncio.to_thread(
                lambda: house(
                    "trace",
                    *arguments,
                    "--server",
                    f"127.0.0.1:{port}",
                    "--password-file",
                    "-",
                    stdin="builder\n",
                )
            )
            return ran.code, ran.out, ran.err, heard

    return asyncio.run(run())


def test_the_owner_asks_the_server(house: House) -> None:
    code, out, err, heard = ask(
        house, "--as", "bob@example.com", "--subject", 'lu"nch', "--since", "2026-11-23"
    )
    assert code == 0, err
    assert "bob@example.com  accepted" in out
    assert "1 recipient not reached yet" in out
    since = 1_795_392_000_000_000
    assert any(b'XTRACE (SUBJECT "lu\\"nch" SINCE %d) 20\r\n' % since in line for line in heard)


def test_a_server_that_knows_no_journeys(house: House) -> None:
    code, _, err, _ = ask(house, "--as", "bob@example.com", knows=False)
    assert (code, "is it a Correo?" in err) == (EX_UNAVAILABLE, True)


def test_a_login_that_is_refused(house: House) -> None:
    code, _, err, _ = ask(house, "--as", "x")
    assert (code, "AUTHENTICATIONFAILED" in err) == (EX_NOPERM, True)
    assert "\x1b" not in err  # its words are for no terminal to obey


def test_nobody_there(house: House) -> None:
    ran = house(
        "trace", "--as", "bob@example.com", "--server", "127.0.0.1:1", "--password-file", "-", stdin="x\n"
    )
    assert ran.code == EX_UNAVAILABLE


def test_a_day_is_a_day() -> None:
    assert moments.until("today", NOW) - moments.since("today", NOW) == DAY
    assert moments.since("1h", NOW) == NOW - HOUR
