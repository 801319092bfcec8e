"""Mailboxes and the messages in them: the one place that knows UIDs, flags, mod-sequences and stored content.

In come names, UID ranges (inclusive pairs, ascending, not overlapping), flags and prepared messages; out go frozen rows and
what was done. Every function that takes `tx` is a part of one transaction (`storage.db`); refusals are `Refused(kind)` and
undo the whole of it. The time is passed in, ids come from `Chance`, and whoever commits tells the bus.

Promised at every commit:
- UIDs of a mailbox strictly grow and are never given twice; a UIDVALIDITY is given once in an account (RFC 9051 §2.3.1.1).
- The account's modseq strictly grows. One operation takes one modseq and leaves one change row per mailbox and kind,
  whether it touched one message or a million; an operation that changes nothing takes none (RFC 7162 §3.1).
- The counters of a mailbox (messages, unseen, deleted, size) and of an account equal a recount of the messages.
- Content is kept once however many messages point to it, equal bodies are kept once, and `collect` alone removes them,
  after it has seen in its own transaction that neither a message nor the queue points to them.

`changes` answers "what happened here since modseq n" from the change log, which is what IDLE, NOOP and QRESYNC live on.
"""

from correo.mailbox.annotating import MAX_VALUE, SERVER, annotate, noted
from correo.mailbox.arriving import Appended, append, take_recent
from correo.mailbox.changelog import Changes, changes, forget
from correo.mailbox.collecting import Collected, collect, orphan
from correo.mailbox.contents import (
    Content,
    Prepared,
    content,
    header,
    prepare,
    raw,
    raw_many,
    store,
)
from correo.mailbox.copying import Copied, copy, move
from correo.mailbox.expunging import Expunged, deleted_size, expunge
from correo.mailbox.flagging import Stored, store_flags
from correo.mailbox.mailboxes import (
    Mailbox,
    create,
    delete,
    find,
    get,
    inbox,
    list_mailboxes,
)
from correo.mailbox.names import (
    INBOX,
    MAX_DEPTH,
    MAX_MAILBOXES,
    MAX_NAME,
    SEPARATOR,
    SPECIAL_USES,
    canonical,
    checked,
)
from correo.mailbox.opening import open_account, remove_account
from correo.mailbox.quota import Quota, Room, is_full, quota, set_limits
from correo.mailbox.ranges import MAX_UID, Ranges
from correo.mailbox.reading import (
    COLUMNS,
    Fetched,
    Message,
    fetch_rows,
    first_unseen,
    messages,
    uids,
)
from correo.mailbox.renaming import rename
from correo.mailbox.subscribing import (
    subscribe,
    subscriptions,
    unsubscribe,
)
from correo.mailbox.uses import set_special_use

__all__ = [
    "COLUMNS",
    "INBOX",
    "MAX_DEPTH",
    "MAX_MAILBOXES",
    "MAX_NAME",
    "MAX_UID",
    "MAX_VALUE",
    "SEPARATOR",
    "SERVER",
    "SPECIAL_USES",
    "Appended",
    "Changes",
    "Collected",
    "Content",
    "Copied",
    "Expunged",
    "Fetched",
    "Mailbox",
    "Message",
    "Prepared",
    "Quota",
    "Ranges",
    "Room",
    "Stored",
    "annotate",
    "append",
    "canonical",
    "changes",
    "checked",
    "collect",
    "content",
    "copy",
    "create",
    "delete",
    "deleted_size",
    "expunge",
    "fetch_rows",
    "find",
    "first_unseen",
    "forget",
    "get",
    "header",
    "inbox",
    "is_full",
    "list_mailboxes",
    "messages",
    "move",
    "noted",
    "open_account",
    "orphan",
    "prepare",
    "quota",
    "raw",
    "raw_many",
    "remove_account",
    "rename",
    "set_limits",
    "set_special_use",
    "store",
    "store_flags",
    "subscribe",
    "subscriptions",
    "take_recent",
    "uids",
    "unsubscribe",
]
