"""[pop3] and [imap] of the tree of options: what programs with which people read their mail may do."""

from __future__ import annotations

from dataclasses import dataclass

from correo.config.values import choice, duration_or_never, mailbox_or_none, option


@dataclass(frozen=True, slots=True)
class Pop3:
    """[pop3]: what programs that fetch mail by POP3 may do."""

    keep_deleted: int = option(
        "",
        duration_or_never,
        'how long what such a program deletes is kept in the Trash, for the day it deleted too much; "" = it goes at once, as the program says',
    )
    login_delay: int = option(
        "",
        duration_or_never,
        'from one login of an account to the next, announced as LOGIN-DELAY; "" = none: to look for mail is cheap',
    )
    language: str = option(
        "en",
        choice("en", "de", "es"),
        "of what is said to people, where a program asks for whichever the server prefers (LANG *)",
    )


@dataclass(frozen=True, slots=True)
class Imap:
    """[imap]: what programs that read mail where it is find."""

    outbox: str = option(
        "Outbox",
        mailbox_or_none,
        "the mailbox in which people see what they have sent and still waits for another server, and take it back by deleting it; "
        'an own mailbox of that name comes first; "" = none',
    )
