"""A mail server for tests: SMTP, submission, POP3, IMAP and a JSON API on free ports, with faults on purpose and time that can be moved.

In: the arguments of `MailServer`, clients of any kind, and what a test asks. Out: messages and refusals, as values. docs/testing.md
is for those who use it.

    server     MailServer, which tests hold: a thread around the stage
    stage      the rooms and the way out of `correo.app`, in a world made for tests
    sessions   wrappers that do what the faults say and note what was taken and refused
    reading    the same for those who read: POP3 and IMAP
    faults     the table of faults, the one place that knows of them
    people     accounts, and mailboxes that are made on the fly
    far        servers of other domains, played inside
    journal    what happened, for whoever asks or waits
    message    a message as a test looks at it
    api        the JSON API
    plugin     the fixtures of pytest

Promised: nothing leaves the machine, nothing is left behind, and what a test does not ask for goes as on a real server, whose code it is.
Importing this package loads nothing; what is named is loaded when it is used, so that pytest is not slowed down by the plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from correo.testing.faults import Fault
    from correo.testing.journal import NothingArrived, Refusal
    from correo.testing.message import Attachment, Message
    from correo.testing.server import Far, MailServer, Waiting

__all__ = ["Attachment", "Far", "Fault", "MailServer", "Message", "NothingArrived", "Refusal", "Waiting"]

_MODULES = {
    "Attachment": "message",
    "Far": "server",
    "Fault": "faults",
    "MailServer": "server",
    "Message": "message",
    "NothingArrived": "journal",
    "Refusal": "journal",
    "Waiting": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
