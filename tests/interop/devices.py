"""Devices that keep a whole copy of alice's account by mbsync, and a look at the account without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imap_tools import BaseMailBox, MailBoxUnencrypted
from imap_tools.imap_utf7 import utf7_decode, utf7_encode
from tests.interop.programs import run
from tests.interop.serving import ALICE, HOST, PASSWORD, Correo, letter, subject

RC = """
IMAPAccount correo
Host localhost
Port {port}
User {user}
Pass "{password}"
SSLType {tls}
CertificateFile {authority}
AuthMechs {mechanism}

IMAPStore far
Account correo

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState {folder}/state/
CopyArrivalDate yes
"""
TLS = {"starttls": "STARTTLS", "implicit": "IMAPS"}
# Letters of Maildir, as mbsync uses them, and the flags of IMAP.
FLAGS = {
    "D": "\\Draft",
    "F": "\\Flagged",
    "P": "$Forwarded",
    "R": "\\Answered",
    "S": "\\Seen",
    "T": "\\Deleted",
}

Tree = dict[str, list[tuple[str, str]]]  # folder to its messages: subject and letters


def spelled(folder: str) -> str:
    """A folder's name as mbsync wants it: as the server does, in modified UTF-7."""
    return utf7_encode(folder).decode()


@contextmanager
def plainly(correo: Correo) -> Iterator[BaseMailBox]:
    """A connection of imap_tools to alice's account."""
    with MailBoxUnencrypted(HOST, correo.port("imap"), timeout=10).login(ALICE, PASSWORD) as box:
        yield box


def tree(correo: Correo) -> Tree:
    """The account as it is on the server."""
    with plainly(correo) as box:
        found: Tree = {}
        for folder in box.folder.list():
            box.folder.set(folder.name, readonly=True)
            found[folder.name] = sorted(
                (message.subject, letters(message.flags))
                for message in box.fetch(mark_seen=False, headers_only=True, bulk=True)
            )
        return found


def letters(flags: tuple[str, ...]) -> str:
    return "".join(letter for letter, flag in FLAGS.items() if flag in flags)


class Device:
    """A copy of alice's account."""

    def __init__(
        self, correo: Correo, authority: Path, folder: Path, *, tls: str = "implicit", mechanism: str = "*"
    ) -> None:
        self.folder = folder
        self.mail = folder / "mail"
        self._rc = folder / "mbsyncrc"
        self.mail.mkdir(parents=True)
        (folder / "state").mkdir()
        self._rc.write_text(
            RC.format(
                port=correo.port("imap", tls),
                user=ALICE,
                password=PASSWORD,
                tls=TLS[tls],
                mechanism=mechanism,
                authority=authority,
                folder=folder,
            )
        )

    def sync(self, *options: str, code: int | None = 0) -> None:
        __tracebackhide__ = True
        run("mbsync", "--config", self._rc, *options, "all", home=self.folder, code=code)

    def tree(self) -> Tree:
        return {folder: self._messages(self._path(folder)) for folder in self.folders()}

    def folders(self) -> list[str]:
        paths = (path.parent for path in self.mail.rglob("cur"))
        return sorted(utf7_decode(str(path.relative_to(self.mail)).encode()) for path in paths)

    def create(self, folder: str) -> None:
        for part in ("new", "cur", "tmp"):
            (self._path(folder) / part).mkdir(parents=True, exist_ok=True)

    def delete(self, folder: str) -> None:
        """Remove a folder, which must be empty: mbsync removes no others on the server."""
        for part in ("new", "cur", "tmp"):
            (self._path(folder) / part).rmdir()
        for left in self._path(folder).iterdir():  # what mbsync notes there; folders below stay
            if left.is_file():
                left.unlink()
        if not any(self._path(folder).iterdir()):
            self._path(folder).rmdir()

    def add(self, folder: str, name: str, flags: str = "") -> None:
        """Put a message into a folder, which is made."""
        self.create(folder)
        path = self._path(folder) / "cur" / f"{len(name)}.{name.encode().hex()}:2,{flags}"
        path.write_bytes(letter(name).replace(b"\r\n", b"\n"))

    def flag(self, folder: str, name: str, flags: str) -> None:
        path = self._find(folder, name)
        path.rename(path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")

    def move(self, folder: str, name: str, target: str) -> None:
        """As programs for Maildir do: a new name, without the UID that mbsync wrote into the old one."""
        path = self._find(folder, name)
        flags = path.name.partition(":2,")[2]
        self.create(target)
        unique = f"moved.{path.name.partition(',')[0].partition(':')[0]}"
        path.rename(self._path(target) / "cur" / f"{unique}:2,{flags}")

    def remove(self, folder: str, name: str) -> None:
        self._find(folder, name).unlink()

    def _path(self, folder: str) -> Path:
        return self.mail / spelled(folder)

    def _find(self, folder: str, name: str) -> Path:
        return next(path for path in self._files(self._path(folder)) if subject(path.read_bytes()) == name)

    def _messages(self, folder: Path) -> list[tuple[str, str]]:
        return sorted(
            (subject(path.read_bytes()), path.name.partition(":2,")[2]) for path in self._files(folder)
        )

    @staticmethod
    def _files(folder: Path) -> list[Path]:
        return [path for part in ("new", "cur") for path in (folder / part).iterdir()]
