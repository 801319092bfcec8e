"""SETQUOTA (RFC 9208 §4.1.3): limits for the accounts of a domain, by those who administer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.quotas import KIBI, governed, limits
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Completion, Responses, no, ok
from correo.accounts import Account
from correo.mail.errors import Kind
from correo.mailbox import Quota
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.quota import Resource, SetQuota, quota_response, set_quota
from correo.wire.imap.types import MAX_NUMBER64

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

_KNOWN = {resource.value for resource in Resource}

log = structlog.get_logger("imap")


def parse(args: Arguments) -> SetQuota:
    asked = set_quota(args)
    args.end()
    return asked


async def run(session: ImapSession, asked: SetQuota) -> Responses:
    """What is not named is not limited any more; without any limit there is no root to tell of."""
    if refusal := _refusal(session.owner, asked.limits):
        yield refusal
        return
    done = await session.write(1, _set, session.owner, asked)
    if done is None:
        yield REPLIES[Kind.NO_PERMISSION]
        return
    address, quota = done
    log.info("quota set", account=address, by=session.owner.address, limits=dict(asked.limits))
    if found := limits(quota):
        yield quota_response(address, found)
    yield ok("Set")


def _refusal(account: Account, wanted: Mapping[str, int]) -> Completion | None:
    if not account.admin:
        return REPLIES[Kind.NO_PERMISSION]
    if not _KNOWN.issuperset(wanted):
        return no("There is no such resource", "CANNOT")
    if wanted.get(Resource.STORAGE.value, 0) > MAX_NUMBER64 // KIBI:
        return no("The limit is too high", "LIMIT")
    return None


async def _set(tx: Tx, account: Account, asked: SetQuota) -> tuple[str, Quota] | None:
    """The root, and how it stands; None for one that is not the account's to set, or does not exist."""
    target = await governed(tx, account, asked.root)
    if target is None:
        return None
    wanted = asked.limits.get
    storage = wanted(Resource.STORAGE.value)
    await mailbox.set_limits(
        tx,
        target.id,
        messages=wanted(Resource.MESSAGE.value),
        size=None if storage is None else storage * KIBI,
        mailboxes=wanted(Resource.MAILBOX.value),
    )
    return target.address, await mailbox.quota(tx, target.id)


ROWS = (Command("SETQUOTA", LOGGED_IN, parse, run, rfc=9208, capability=always("QUOTASET")),)
