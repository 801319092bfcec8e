"""What others have shared: their mailboxes, as somebody with rights in them finds them."""

from __future__ import annotations

from correo.mailbox.mailboxes import BOX, Mailbox
from correo.mailbox.rights import ANYONE, Entry, Identity, Rights, combined
from correo.storage.db import Tx

# Two reads of the index mailbox_right_account, each as long as what it finds.
_SHARED = f"""SELECT {BOX}, r.negative, r.rights FROM mailbox_right AS r CROSS JOIN mailbox_mailbox AS b
WHERE r.account_id = $1 AND r.domain = $2 AND b.id = r.mailbox_id AND b.account_id <> $3"""


async def shared_with(tx: Tx, who: Identity) -> list[tuple[Mailbox, Rights]]:
    """Every mailbox of another account in which `who` has a right by an entry, and what he may do there; in no order.

    The counters are the owner's: `unseen` answers for the others.
    """
    rows = await tx.all(_SHARED, who.account_id, "", who.account_id)
    rows += await tx.all(_SHARED, ANYONE, who.domain, who.account_id)
    boxes: dict[int, Mailbox] = {}
    entries: dict[int, list[Entry]] = {}
    for *columns, negative, letters in rows:
        box = Mailbox(*columns)
        boxes[box.id] = box
        entries.setdefault(box.id, []).append(Entry(0, "", bool(negative), frozenset(letters)))
    found = ((box, combined(entries[id])) for id, box in boxes.items())
    return [(box, has) for box, has in found if has]
