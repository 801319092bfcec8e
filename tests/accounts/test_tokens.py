"""Bearer tokens, asked about at a small authorization server on a network in memory."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.accounts.authority import Authority

from correo.accounts import tokens
from correo.accounts.tokens import AT_ONCE, KEPT, MAX_KEPT, Introspection, Service
from correo.clock.virtual import START, VirtualClock, VirtualLoop, run
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.net.memory import MemoryNetwork
from correo.wire.http import Endpoint
from correo.wire.sasl import BadToken, TokenOwner

SERVICE = Service(Endpoint.parse("https://id.example/introspect?x=y"), "correo", "s3cret: +%")
BAD = BadToken("invalid_token")
NOW = START // SECOND


class Stage:
    def __init__(self, authority: Authority, service: Service = SERVICE) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.authority = authority
        self.clock = VirtualClock(loop)
        self.network = MemoryNetwork(chunk=7)
        self.network.listen("id.example", 443, authority)
        context = ssl.create_default_context()
        self.tokens = Introspection(service, self.network.dialer(), self.clock, b"key", context)

    async def kind(self, token: str = "token") -> Kind:
        with pytest.raises(Refused) as caught:
            await self.tokens.check(token)
        return caught.value.kind


def test_the_question() -> None:
    async def main() -> None:
        stage = Stage(authority := Authority())
        assert await stage.tokens.check("a+b/c==") == TokenOwner("bob@example.com")
        (request,) = authority.requests
        head, _, body = request.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        assert first == "POST /introspect?x=y HTTP/1.1"
        assert fields["Host"] == "id.example"
        assert fields["Content-Type"] == "application/x-www-form-urlencoded"
        assert fields["Content-Length"] == str(len(body))
        # RFC 6749 §2.3.1: encoded as in a form, then joined, then base64.
        assert b64decode(fields["Authorization"].removeprefix("Basic ")) == b"correo:s3cret%3A+%2B%25"
        assert parse_qs(body) == {"token": ["a+b/c=="], "token_type_hint": ["access_token"]}

    run(main())


GOOD = {"active": True, "username": "bob@example.com"}


@pytest.mark.parametrize(
    ("facts", "service", "verdict"),
    [
        ({**GOOD, "exp": NOW + 1, "nbf": NOW}, {}, TokenOwner("bob@example.com")),
        ({**GOOD, "exp": NOW}, {}, BAD),
        ({**GOOD, "exp": "soon"}, {}, BAD),
        ({**GOOD, "exp": 1e300}, {}, BAD),
        ({**GOOD, "nbf": NOW + 1}, {}, BAD),
        ({"active": False}, {}, BAD),
        ({**GOOD, "active": "true"}, {}, BAD),
        ({**GOOD, "active": 1}, {}, BAD),
        ({}, {}, BAD),
        ({"active": True}, {}, BAD),
        ({"active": True, "username": ""}, {}, BAD),
        ({"active": True, "username": ["bob@example.com"]}, {}, BAD),
        ({"active": True, "username": "x" * 2000}, {}, BAD),
        ({**GOOD, "email": "ana@example.com"}, {"claim": "email"}, TokenOwner("ana@example.com")),
        ({**GOOD, "scope": "openid mail"}, {"scope": "mail"}, TokenOwner("bob@example.com")),
        ({**GOOD, "scope": "openid"}, {"scope": "mail"}, BadToken("insufficient_scope", "mail")),
        ({**GOOD, "scope": ["mail"]}, {"scope": "mail"}, BadToken("insufficient_scope", "mail")),
        (GOOD, {"scope": "mail"}, BadToken("insufficient_scope", "mail")),
        ({**GOOD, "aud": "mail"}, {"audience": "mail"}, TokenOwner("bob@example.com")),
        ({**GOOD, "aud": ["shop", "mail"]}, {"audience": "mail"}, TokenOwner("bob@example.com")),
        ({**GOOD, "aud": "mailing"}, {"audience": "mail"}, BAD),
        (GOOD, {"audience": "mail"}, BAD),
        ({"active": False}, {"configuration": "https://x"}, BadToken("invalid_token", "", "https://x")),
    ],
)
def test_the_verdict(facts: dict[str, Any], service: dict[str, str], verdict: TokenOwner | BadToken) -> None:
    async def main() -> None:
        stage = Stage(Authority(facts), replace(SERVICE, **service))  # type: ignore[arg-type]
        assert await stage.tokens.check("token") == verdict

    run(main())


def test_nobody_is_asked_about_no_token() -> None:
    async def main() -> None:
        stage = Stage(authority := Authority())
        assert await stage.tokens.check("") == BAD
        assert authority.asked == []

    run(main())


def test_what_is_good_is_remembered_for_a_minute() -> None:
    async def main() -> None:
        stage = Stage(authority := Authority())
        for _ in range(3):
            assert await stage.tokens.check("a") == TokenOwner("bob@example.com")
        assert authority.asked == ["a"]
        authority.facts = {"active": False}
        assert await stage.tokens.check("b") == BAD
        assert await stage.tokens.check("b") == BAD
        assert authority.asked == ["a", "b", "b"]
        await asyncio.sleep(KEPT / SECOND - 1)
        assert await stage.tokens.check("a") == TokenOwner("bob@example.com")
        await asyncio.sleep(1)
        assert await stage.tokens.check("a") == BAD

    run(main())


def test_not_longer_than_it_lives() -> None:
    async def main() -> None:
        stage = Stage(authority := Authority({**GOOD, "exp": NOW + 10}))
        assert await stage.tokens.check("a") == TokenOwner("bob@example.com")
        await asyncio.sleep(10)
        assert await stage.tokens.check("a") == BAD
        assert authority.asked == ["a", "a"]

    run(main())


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_KEPT <= 10_000
    monkeypatch.setattr(tokens, "MAX_KEPT", 2)

    async def main() -> None:
        stage = Stage(authority := Authority())
        for token in "abcba":
            await stage.tokens.check(token)
        assert authority.asked == ["a", "b", "c", "a"]

    run(main())


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"\xff"\n',
        b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"[" * 20000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}",
        b"what?\r\n\r\n",
    ],
    ids=range(8),
)
def test_an_answer_that_is_none(raw: bytes) -> None:
    async def main() -> None:
        stage = Stage(authority := Authority())
        authority.raw = raw
        assert await stage.kind() is Kind.UNAVAILABLE
        authority.raw = b""
        assert await stage.tokens.check("token") == TokenOwner("bob@example.com")

    run(main())


def test_nobody_answers() -> None:
    async def main() -> None:
        stage = Stage(authority := Authority())
        stage.network.unlisten("id.example", 443)
        assert await stage.kind() is Kind.UNAVAILABLE
        stage.network.silent.add("id.example")
        assert await stage.kind() is Kind.UNAVAILABLE
        stage.network.silent.clear()
        stage.network.listen("id.example", 443, authority)
        authority.silent = True
        before = stage.clock.now()
        assert await stage.kind() is Kind.UNAVAILABLE
        assert stage.clock.now() - before == 10 * SECOND
        await stage.network.close()

    run(main())


def test_so_many_at_once() -> None:
    async def main() -> None:
        stage = Stage(authority := Authority())
        authority.silent = True
        crowd = [asyncio.ensure_future(stage.kind(f"t{number}")) for number in range(AT_ONCE)]
        await asyncio.sleep(1)
        before = stage.clock.now()
        assert await stage.kind("one more") is Kind.UNAVAILABLE
        assert stage.clock.now() == before
        assert len(authority.asked) == AT_ONCE
        assert set(await asyncio.gather(*crowd)) == {Kind.UNAVAILABLE}
        authority.silent = False
        assert await stage.tokens.check("one more") == TokenOwner("bob@example.com")
        await stage.network.close()

    run(main())


def test_secrets_stay_out_of_repr() -> None:
    assert "s3cret" not in repr(SERVICE)
