"""Another mail server, as the tests see Postfix and Exim: what it is sent, what it keeps, what it tells."""

from __future__ import annotations

import smtplib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from tests.interop.network import Namespace

# What a server offers and uses, by the domain that a message goes to or comes from: everything; the same without TLS; or nothing but
# EHLO, as twenty years ago.
KINDS = ("full", "clear", "old")


class Peer(ABC):
    """The server of `domain`, of `clear.domain` and of `old.domain`, with the users `user`, `other` and `grün`."""

    name: str
    address: str  # where it serves `domain`, and from where it sends

    def __init__(self, folder: Path, namespace: Namespace) -> None:
        self.folder = folder
        self._namespace = namespace

    @property
    def domain(self) -> str:
        return f"{self.name}.test"

    def at(self, kind: str, user: str = "user") -> str:
        """The address of one of its users."""
        return f"{user}@{self.domain}" if kind == "full" else f"{user}@{kind}.{self.domain}"

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def log(self) -> str: ...

    def messages(self, user: str = "user") -> list[bytes]:
        """What it has put into the Maildir of one of its users."""
        return [path.read_bytes() for path in sorted((self.folder / "mail" / user / "new").glob("*"))]

    def submit(
        self,
        text: bytes,
        sender: str,
        recipients: Sequence[str],
        mail: Sequence[str] = (),
        rcpt: Sequence[str] = (),
    ) -> None:
        """As one of its own users does, with these parameters of MAIL and of each RCPT."""
        with self._namespace.inside():
            smtp = smtplib.SMTP(
                self.address, local_hostname="desk.test", source_address=(self.address, 0), timeout=10
            )
        with smtp:
            assert smtp.sendmail(sender, recipients, text, mail, rcpt) == {}
