"""Which changes are a client's own, of which it is not told what it knows (RFC 5465 §5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from correo import mailbox
from correo.mailbox import Span
from correo.storage.db import Tx

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

T = TypeVar("T")

MAX_OWN = 100  # changes in one account that are known to be the client's: it makes few between two looks


class Own:
    """Which changes are this session's own: the modseqs that its transactions took, by account."""

    def __init__(self) -> None:
        self.spans: dict[int, list[Span]] = {}

    async def write(
        self,
        session: ImapSession,
        write: Callable[..., Awaitable[Any]],
        op: Callable[..., Awaitable[T]],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> T:
        """Have `write` carry out `op`, and take note of what that changed."""
        accounts = {session.owner.id, *(session.watch.sight.modseqs if session.watch else ())}
        if session.selected is not None:
            accounts.add(session.selected.access.account_id)
        result: T
        result, before, after = await write(_witnessed, accounts, op, args, kwargs)
        for account_id, last in after.items():
            if before.get(account_id, last) < last:
                spans = self.spans.setdefault(account_id, [])
                spans.append((before[account_id], last))
                del spans[:-MAX_OWN]
        return result

    def of(self, account_id: int, after: int = 0) -> list[Span]:
        """The spans that end after `after`, as far as they lie behind it."""
        return [(max(low, after), high) for low, high in self.spans.get(account_id, ()) if high > after]

    def others(self, account_id: int, after: int, last: int) -> list[Span]:
        """What is left of the span from `after` to `last`."""
        found: list[Span] = []
        for low, high in sorted(self.of(account_id, after)):
            if after < min(low, last):
                found.append((after, min(low, last)))
            after = max(after, high)
        return [*found, (after, last)] if after < last else found


async def _witnessed(
    tx: Tx,
    accounts: Iterable[int],
    op: Callable[..., Awaitable[T]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[T, dict[int, int], dict[int, int]]:
    before = await mailbox.modseqs(tx, accounts)
    result = await op(tx, *args, **kwargs)
    return result, before, await mailbox.modseqs(tx, accounts)
