"""Mailboxes and the messages in them: the one place that knows UIDs, flags, mod-sequences and stored content.

In come names, UID ranges (inclusive pairs, ascending, not overlapping), flags and prepared messages; out go frozen rows and
what was done. Every function that takes `tx` is a part of one transaction (`storage.db`); refusals are `Refused(kind)` and
undo the whole of it. The time is passed in, ids come from `Chance`, and whoever commits tells the bus.

Promised at every commit:
- UIDs of a mailbox strictly grow and are never given twice; a UIDVALIDITY is given once in an account (RFC 9051 §2.3.1.1),
  or taken over with the mail of another server (`adopting`).
- The account's modseq strictly grows. One operation takes one modseq (a move between accounts one of each) and leaves one change
  row per mailbox and kind, whether it touched one message or a million; what changes nothing takes none (RFC 7162 §3.1).
- The counters of a mailbox (messages, unseen, deleted, size) and of an account equal a recount of the messages.
- Content is kept once however many messages point to it, equal bodies are kept once, and `collect` alone removes them,
  after it has seen in its own transaction that neither a message nor the queue points to them.

Mailboxes may be shared: rights say who may do what (`rights`, which leaves it to the caller to obey them, and to know owners),
and a reader, an account id other than 0, has his own \\Seen in every function that takes one. Copies go between accounts, too.

An account may have an `outbox`, in which the server alone shows what is kept elsewhere; it counts against no limit.

`changes` answers "what happened here since modseq n" from the change log, which is what IDLE, NOOP and QRESYNC live on.
"""

from correo.mailbox.adopting import (
    MAX_UIDVALIDITY,
    Arrival,
    adopt,
    begin_adoption,
    end_adoption,
    known_sources,
)
from correo.mailbox.annotating import MAX_VALUE, SERVER, annotate, noted
from correo.mailbox.arriving import Appended, append, take_recent
from correo.mailbox.changelog import Changes, What, changes, forget
from correo.mailbox.collecting import Collected, collect, orphan
from correo.mailbox.contents import (
    BATCH,
    Content,
    Kept,
    Prepared,
    bodies,
    complete,
    content,
    header,
    headers,
    kept_many,
    prepare,
    raw,
    raw_many,
    store,
)
from correo.mailbox.copying import Copied, copy, move
from correo.mailbox.expiring import discard, expire
from correo.mailbox.expunging import Expunged, deleted_size, expunge
from correo.mailbox.flagging import Stored, store_flags
from correo.mailbox.following import ACCOUNT, Span, appended, kinds, modseqs
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
from correo.mailbox.opening import is_outbox, open_account, outbox_of, remove_account
from correo.mailbox.outbox import Shown, hide, open_outbox, outbox, show, shown, shown_of
from correo.mailbox.quota import Quota, Room, is_full, quota, set_limits
from correo.mailbox.ranges import MAX_UID, Ranges
from correo.mailbox.reading import (
    COLUMNS,
    OWN_COLUMNS,
    Fetched,
    Message,
    fetch_changed,
    fetch_columns,
    fetch_rows,
    first_unseen,
    flagged,
    messages,
    messages_after,
    uids,
)
from correo.mailbox.reheading import rehead
from correo.mailbox.renaming import rename
from correo.mailbox.rights import (
    ALL_RIGHTS,
    ANYONE,
    NO_RIGHTS,
    Entry,
    Identity,
    Rights,
    acl,
    allowed,
    combined,
    flag_bits,
    format_rights,
    parse_rights,
    rights,
    set_rights,
)
from correo.mailbox.seen import OWNER, unseen
from correo.mailbox.sharing import shared_with
from correo.mailbox.subscribing import (
    subscribe,
    subscriptions,
    unsubscribe,
)
from correo.mailbox.uidls import MAX_UIDL, is_uidl, own_uidl, uidls
from correo.mailbox.uses import set_special_use

__all__ = [
    "ACCOUNT",
    "ALL_RIGHTS",
    "ANYONE",
    "BATCH",
    "COLUMNS",
    "INBOX",
    "MAX_DEPTH",
    "MAX_MAILBOXES",
    "MAX_NAME",
    "MAX_UID",
    "MAX_UIDL",
    "MAX_UIDVALIDITY",
    "MAX_VALUE",
    "NO_RIGHTS",
    "OWNER",
    "OWN_COLUMNS",
    "SEPARATOR",
    "SERVER",
    "SPECIAL_USES",
    "Appended",
    "Arrival",
    "Changes",
    "Collected",
    "Content",
    "Copied",
    "Entry",
    "Expunged",
    "Fetched",
    "Identity",
    "Kept",
    "Mailbox",
    "Message",
    "Prepared",
    "Quota",
    "Ranges",
    "Rights",
    "Room",
    "Shown",
    "Span",
    "Stored",
    "What",
    "acl",
    "adopt",
    "allowed",
    "annotate",
    "append",
    "appended",
    "begin_adoption",
    "bodies",
    "canonical",
    "changes",
    "checked",
    "collect",
    "combined",
    "complete",
    "content",
    "copy",
    "create",
    "delete",
    "deleted_size",
    "discard",
    "end_adoption",
    "expire",
    "expunge",
    "fetch_changed",
    "fetch_columns",
    "fetch_rows",
    "find",
    "first_unseen",
    "flag_bits",
    "flagged",
    "forget",
    "format_rights",
    "get",
    "header",
    "headers",
    "hide",
    "inbox",
    "is_full",
    "is_outbox",
    "is_uidl",
    "kept_many",
    "kinds",
    "known_sources",
    "list_mailboxes",
    "messages",
    "messages_after",
    "modseqs",
    "move",
    "noted",
    "open_account",
    "open_outbox",
    "orphan",
    "outbox",
    "outbox_of",
    "own_uidl",
    "parse_rights",
    "prepare",
    "quota",
    "raw",
    "raw_many",
    "rehead",
    "remove_account",
    "rename",
    "rights",
    "set_limits",
    "set_rights",
    "set_special_use",
    "shared_with",
    "show",
    "shown",
    "shown_of",
    "store",
    "store_flags",
    "subscribe",
    "subscriptions",
    "take_recent",
    "uidls",
    "uids",
    "unseen",
    "unsubscribe",
]
