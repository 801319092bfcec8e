"""Bearer tokens: whose they are is asked of the authorization server that gave them (RFC 7662, token introspection).

What it said is kept for a minute at most, so that a client with ten connections costs one question, and a token that is taken back
is refused soon. Kept is a keyed digest of the token, never the token; the key is drawn anew by each process.
"""

from __future__ import annotations

import hmac
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import quote_plus, urlencode

import msgspec
import structlog

from correo.clock import Clock
from correo.mail.errors import Kind, Refused
from correo.mail.instant import MINUTE, SECOND
from correo.net import Dialer
from correo.net.http import post
from correo.wire.http import BadResponse, Endpoint
from correo.wire.sasl import BadToken, TokenOwner

log = structlog.get_logger("accounts")

KEPT = MINUTE
MAX_KEPT = 10_000  # about 3 MB; the oldest goes first
AT_ONCE = 100  # questions that wait for an answer; more would be guessing, or the service is down
MAX_LOGIN = 1024  # characters; whatever takes more octets than that is no name


class Tokens(Protocol):
    async def check(self, token: str) -> TokenOwner | BadToken:
        """Whose token it is. `token` is "" where the client has none. Refused UNAVAILABLE."""
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """Where to ask, and what must be true of a token."""

    endpoint: Endpoint
    client_id: str  # what we are called there
    client_secret: str = field(repr=False)
    claim: str = "username"  # the member of the answer that holds the login name
    scope: str = ""  # what a token must allow, parted by blanks
    audience: str = ""  # for whom it must have been made; "" trusts that the service shows us no others
    configuration: str = ""  # URL of the authorization server's metadata, for clients
    timeout: float = 10.0  # seconds


class Introspection:
    """`Tokens` of one authorization server."""

    def __init__(
        self, service: Service, dialer: Dialer, clock: Clock, key: bytes, context: ssl.SSLContext | None
    ) -> None:
        """`key`: octets that nobody can foresee. `context` is for an endpoint under TLS."""
        self._service = service
        self._dialer = dialer
        self._clock = clock
        self._key = key
        self._context = context
        self._kept: dict[
            bytes, tuple[TokenOwner, int, int]
        ] = {}  # with the instants it is good from and until
        self._asking = 0

    async def check(self, token: str) -> TokenOwner | BadToken:
        if not token:
            return self._bad("invalid_token")
        mark = hmac.digest(self._key, token.encode(), "sha256")
        owner, since, until = self._kept.get(mark, (None, 0, 0))
        if (
            owner is not None and since <= self._clock.now() < until
        ):  # a clock set back must not lengthen its life
            return owner
        self._kept.pop(mark, None)
        verdict, expires = self._judged(await self._asked(token))
        if isinstance(verdict, TokenOwner):
            now = self._clock.now()
            self._kept[mark] = verdict, now, min(now + KEPT, expires)
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return verdict

    async def _asked(self, token: str) -> Mapping[str, Any]:
        if self._asking >= AT_ONCE:
            raise Refused(Kind.UNAVAILABLE, "too many tokens wait to be checked")
        service = self._service
        self._asking += 1
        try:
            body = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
            fields = {
                "Authorization": _basic(service.client_id, service.client_secret),
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            }
            response = await post(
                self._dialer, service.endpoint, fields, body, context=self._context, timeout=service.timeout
            )
        except (OSError, TimeoutError, BadResponse) as failed:
            raise _unavailable(str(failed) or type(failed).__name__) from None
        finally:
            self._asking -= 1
        if response.status != 200:
            raise _unavailable(f"the answer has status {response.status}")
        try:
            facts = msgspec.json.decode(response.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _unavailable("the answer is not JSON") from None
        if not isinstance(facts, dict):
            raise _unavailable("the answer is not a JSON object")
        return facts

    def _judged(self, facts: Mapping[str, Any]) -> tuple[TokenOwner | BadToken, int]:
        """With the instant until which the verdict may be kept."""
        service, now = self._service, self._clock.now()
        starts, expires = _instant(facts.get("nbf"), 0), _instant(facts.get("exp"), now + KEPT)
        if facts.get("active") is not True or not starts <= now < expires:
            return self._bad("invalid_token"), now
        audience = facts.get("aud")
        if service.audience and service.audience not in (
            audience if isinstance(audience, list) else [audience]
        ):
            return self._bad("invalid_token"), now
        scope = facts.get("scope")
        if not set(service.scope.split()) <= set(scope.split() if isinstance(scope, str) else ()):
            return self._bad("insufficient_scope"), now
        login = facts.get(service.claim)
        if not isinstance(login, str) or not login or len(login) > MAX_LOGIN:
            log.warning("a good token names nobody", claim=service.claim)
            return self._bad("invalid_token"), now
        return TokenOwner(login), expires

    def _bad(self, status: Literal["invalid_token", "insufficient_scope"]) -> BadToken:
        return BadToken(status, self._service.scope, self._service.configuration)


def _basic(user: str, password: str) -> str:
    """RFC 6749 §2.3.1: both are encoded as in a form before they are joined."""
    return "Basic " + b64encode(f"{quote_plus(user)}:{quote_plus(password)}".encode()).decode()


def _instant(value: object, otherwise: int) -> int:
    """A NumericDate (RFC 7519 §2) in microseconds; what is none has passed long ago, or never comes."""
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return 0
    return int(value * SECOND)


def _unavailable(reason: str) -> Refused:
    log.error("token introspection failed", reason=reason)
    return Refused(Kind.UNAVAILABLE, f"token introspection: {reason}")
