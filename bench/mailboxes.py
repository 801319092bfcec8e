"""A server with a large mailbox, and an IMAP connection to it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from mailbox_mail import messages
from raw_imap import RawImap
from row import Given, Maker, makers
from servers import FAST_LOGIN, HOST, PASSWORD, PEOPLE, Correo, Dovecot, ImapServer

BATCH = 200  # messages of one MULTIAPPEND: about a megabyte
INBOX = 100  # messages in the inbox of each person, for sessions
BIG = "big"


class Mailbox:
    """A place of `steps`."""

    def __init__(self, server: ImapServer, size: int) -> None:
        self.server = server
        self.size = size
        self.client = self.log_in(PEOPLE[0])

    def log_in(self, person: str) -> RawImap:
        client = RawImap(HOST, self.server.imap)
        client.command(f"LOGIN {person} {PASSWORD}")
        return client

    def fill(self, seed: int = 1) -> None:
        """As another server would bring it: nobody has asked for anything yet. Leaves it selected."""
        self.client.command(f"CREATE {BIG}")
        letters = messages(self.size, seed)
        while batch := list(islice(letters, BATCH)):
            self.client.append(BIG, batch)
        self.client.command(f"SELECT {BIG}")

    def fill_inboxes(self) -> None:
        for number, person in enumerate(PEOPLE):
            client = self.log_in(person)
            client.append("INBOX", list(messages(INBOX, seed=100 + number)))
            client.logout()

    def run(self, *commands: str) -> None:
        for command in commands:
            self.client.command(command)


def beside_dovecot(given: Given) -> list[Maker[ImapServer]]:
    return makers(
        given,
        Correo,
        [(Dovecot, lambda folder: Dovecot(folder, f"mail_fsync = {given.fsync}\n{FAST_LOGIN}"))],
    )


def commands(*texts: str) -> Callable[[Mailbox], None]:
    return lambda place: place.run(*texts)


def command(text: str) -> Callable[[Mailbox], int]:
    def work(place: Mailbox) -> int:
        place.client.command(text)
        return 1

    return work
