"""One SASL exchange: a mechanism of `wire.sasl` on one side, the accounts on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from correo.accounts.account import Account, StoredLogin
from correo.mail.errors import Kind, Refused
from correo.wire.sasl import (
    MECHANISMS,
    Ask,
    BadToken,
    Challenge,
    Channel,
    CheckPassword,
    CheckToken,
    CramKeys,
    Digest,
    End,
    Exchange,
    Finished,
    Keys,
    LookUp,
    Malformed,
    Opening,
    Rejected,
    TokenOwner,
    Vouched,
    advance,
    include,
)

if TYPE_CHECKING:
    from correo.accounts.failures import Client
    from correo.accounts.login import Logins

log = structlog.get_logger("accounts")

COUNTED = frozenset({Kind.BAD_CREDENTIALS, Kind.DISABLED})  # failures that are held against the client

# Characters of a login name that the log repeats: the longest address. Strangers can send 64 KB.
SHOWN_LOGIN = 320
MAX_VOUCHED = 20  # names of one certificate that are looked up; people have one or two


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`final` goes to the client with the success; b"" unless success can carry data in the protocol."""

    account: Account
    final: bytes = b""


@dataclass(frozen=True, slots=True)
class Denied:
    """NOT_FOUND: no such mechanism. BAD_CREDENTIALS, DISABLED, UNAVAILABLE: as `Logins.password`."""

    kind: Kind
    detail: str = ""  # for the log
    login: str = ""  # the name that was tried, as far as it became known, for the log

    @property
    def said(self) -> Kind:
        """What the client is told: one that is banned may have the right password, and is to try again later."""
        return Kind.UNAVAILABLE if self.kind is Kind.TOO_MANY else self.kind


def log_denied(denied: Denied, protocol: str, address: str) -> bool:
    """Write it to the log, in the same words for every protocol. Whether it was the client who failed, and not we."""
    if denied.kind in (*COUNTED, Kind.TOO_MANY):
        login, reason = denied.login[:SHOWN_LOGIN], denied.detail or denied.kind.value
        log.warning("authentication failed", protocol=protocol, address=address, login=login, reason=reason)
        return True
    if denied.kind in (Kind.UNAVAILABLE, Kind.BROKEN):
        log.error("authentication impossible", kind=denied.kind.name, detail=denied.detail)
    return False


class Authentication:
    """One exchange. `begin`, then `respond` as long as the answer is a `Challenge`."""

    def __init__(self, logins: Logins, channel: Channel, client: Client, success_data: bool) -> None:
        self._logins = logins
        self._channel = channel
        self._client = client
        self._offered = logins.offered(channel)
        self._success_data = success_data
        self._exchange: Exchange | None = None
        self._looked_up: tuple[str, StoredLogin | None] = ("", None)
        self._success: LoggedIn | None = None  # waits for the client to take note of the last words

    async def begin(self, mechanism: str, initial: bytes | None) -> Challenge | LoggedIn | Denied:
        """`initial`: the initial response out of base64, None where there was none (b"" is one that is empty)."""
        self._forget()
        self._looked_up = ("", None)
        name = mechanism.upper()
        if name not in self._offered:
            return Denied(Kind.NOT_FOUND, "no such mechanism")
        try:
            self._logins.check(self._client, "")
        except Refused as refused:
            return Denied(refused.kind, refused.detail)
        opening = Opening(initial, self._logins.nonce(), self._channel, self._offered, self._logins.host)
        self._exchange = MECHANISMS[name].start(opening)
        return await self._advance(self._exchange, None)

    async def respond(self, data: bytes | None) -> Challenge | LoggedIn | Denied:
        """`data` out of base64; None when the client cancelled with "*"."""
        exchange, success = self._exchange, self._success
        if exchange and data is not None:
            return await self._advance(exchange, data)
        self._forget()
        if success and data == b"":
            return success
        return Denied(Kind.BAD_CREDENTIALS, "the client broke off the exchange", self._looked_up[0])

    def _forget(self) -> None:
        self._exchange = self._success = None

    async def _advance(self, exchange: Exchange, data: bytes | None) -> Challenge | LoggedIn | Denied:
        try:
            step = advance(exchange, data)
            while isinstance(step, LookUp | CheckToken):
                step = advance(exchange, await self._answer(step))
            if isinstance(step, Challenge):
                return step
            self._exchange = None
            end = await self._end(step)
            # What shows a password was counted where that was looked at.
            if isinstance(end, Denied) and end.kind in COUNTED and not isinstance(step, CheckPassword):
                name = (await self._logins.find(end.login))[0] if end.login else ""
                await self._logins.failed(self._client, name)
            return end
        except Refused as refused:
            self._forget()
            return Denied(refused.kind, refused.detail, self._looked_up[0])

    async def _answer(self, asked: Ask) -> Keys | TokenOwner | BadToken:
        match asked:
            case LookUp(login, digest):
                return await self._keys(login, digest)
            case CheckToken(token, login):
                self._looked_up = (login, None)
                return await self._logins.token(token)
        raise AssertionError("a challenge is for the client")

    async def _keys(self, login: str, digest: Digest) -> Keys:
        name, stored = self._looked_up = await self._logins.find(login)
        self._logins.check(self._client, name)
        decoy = await self._logins.decoy_keys(
            name, digest
        )  # made for everybody, so that it takes the same time
        found = (self._logins.keys(stored, digest, self._client) if stored else None) or decoy
        if isinstance(found, CramKeys) and isinstance(decoy, CramKeys):
            return found.padded(decoy)
        return found

    async def _end(self, end: End) -> Challenge | LoggedIn | Denied:
        match end:
            case Malformed(reason):
                return Denied(Kind.BAD_CREDENTIALS, reason, self._looked_up[0])
            case Rejected(login, reason):
                return Denied(Kind.BAD_CREDENTIALS, reason, login)
            case CheckPassword(login, authzid, password):
                self._looked_up = (login, None)
                account = await self._logins.password(login, password, self._client)
                return await self._as(account, authzid, b"")
            case Finished(login, authzid, final, keys):
                return await self._proven(login, authzid, final, keys)
            case Vouched(logins, authzid):
                return await self._vouched(logins, authzid)

    async def _proven(
        self, login: str, authzid: str, final: bytes, keys: Keys | None
    ) -> Challenge | LoggedIn | Denied:
        # The client took its time: the password may have been changed, or the account disabled, since the keys were read.
        name, stored = await self._logins.find(login)
        if stored is None or self._looked_up[1] is None or keys is None:
            return Denied(Kind.BAD_CREDENTIALS, "no such account", login)
        now = self._logins.keys(stored, keys.digest, self._client)
        if now is None or not include(now, keys):
            return Denied(Kind.BAD_CREDENTIALS, "the password was changed meanwhile", login)
        if not stored.account.enabled:
            return Denied(Kind.DISABLED, login=login)
        if app := stored.app_of(keys):
            await self._logins.used(app)
        self._logins.succeeded(self._client, name)
        return await self._as(stored.account, authzid, final)

    async def _vouched(self, logins: tuple[str, ...], authzid: str) -> LoggedIn | Denied:
        """The first of the names that has an account; where the client says as whom it comes, the one that is meant."""
        wanted = (await self._logins.find(authzid))[0] if authzid else ""
        shown = authzid or logins[0]
        for login in logins[:MAX_VOUCHED]:
            name, stored = await self._logins.find_vouched(login)
            if stored is None or (authzid and name != wanted):
                continue
            if not stored.account.enabled:
                return Denied(Kind.DISABLED, login=shown)
            self._logins.succeeded(self._client, name)
            return LoggedIn(stored.account)
        return Denied(Kind.BAD_CREDENTIALS, "vouched for, but for no account, or for another", shown)

    async def _as(self, account: Account, authzid: str, final: bytes) -> Challenge | LoggedIn | Denied:
        """Nobody acts for another account (RFC 4422 §3.4.1)."""
        if authzid and (await self._logins.find(authzid))[0] != account.address:
            return Denied(Kind.BAD_CREDENTIALS, "asked to act as somebody else", account.address)
        if not final or self._success_data:
            return LoggedIn(account, final)
        self._success = LoggedIn(account)
        return Challenge(final)
