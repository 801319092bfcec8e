"""mbsync: two devices that keep whole copies of one account, each with a state of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.programs import run
from tests.interop.serving import ALICE, PASSWORD, Correo, letter, subject

PROGRAMS = ("mbsync",)

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
FOLDERS = {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"}

Tree = dict[str, list[tuple[str, str]]]


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

    def sync(self, *options: str) -> None:
        __tracebackhide__ = True
        run("mbsync", "--config", self._rc, *options, "all", home=self.folder)

    def tree(self) -> Tree:
        """Folder name to its messages: subject and Maildir flags."""
        return {
            str(folder.parent.relative_to(self.mail)): self._messages(folder.parent)
            for folder in self.mail.rglob("cur")
        }

    def add(self, folder: str, name: str, flags: str = "") -> None:
        """Put a message into a folder, which is made."""
        for part in ("new", "cur", "tmp"):
            (self.mail / folder / part).mkdir(parents=True, exist_ok=True)
        (self.mail / folder / "cur" / f"{name}:2,{flags}").write_bytes(letter(name).replace(b"\r\n", b"\n"))

    def flag(self, folder: str, name: str, flags: str) -> None:
        path = self._find(folder, name)
        path.rename(path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")

    def remove(self, folder: str, name: str) -> None:
        self._find(folder, name).unlink()

    def _find(self, folder: str, name: str) -> Path:
        return next(path for path in self._files(self.mail / folder) if subject(path.read_bytes()) == name)

    def _messages(self, folder: Path) -> list[tuple[str, str]]:
        return sorted(
            (subject(path.read_bytes()), path.name.partition(":2,")[2]) for path in self._files(folder)
        )

    @staticmethod
    def _files(folder: Path) -> list[Path]:
        return [path for part in ("new", "cur") for path in (folder / part).iterdir()]


@pytest.fixture
def laptop(correo: Correo, authority: Path, tmp_path: Path) -> Device:
    return Device(correo, authority, tmp_path / "laptop")


@pytest.fixture
def phone(correo: Correo, authority: Path, tmp_path: Path) -> Device:
    return Device(correo, authority, tmp_path / "phone")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "SCRAM-SHA-256"])
def test_pull(correo: Correo, authority: Path, tmp_path: Path, tls: str, mechanism: str) -> None:
    correo.deliver(letter("one"), letter("two"))
    device = Device(correo, authority, tmp_path / "device", tls=tls, mechanism=mechanism)
    device.sync("--pull")
    tree = device.tree()
    assert set(tree) == FOLDERS
    assert tree["INBOX"] == [("one", ""), ("two", "")]


def test_push_of_a_tree(correo: Correo, laptop: Device, phone: Device) -> None:
    # mbsync takes names as the server spells them, in modified UTF-7: Prüfung & mehr, 日本/東京.
    laptop.sync()
    for folder in ("Work", "Work/2026", "Work/2026/May", "Pr&APw-fung &- mehr", "&ZeVnLA-/&Z3FOrA-"):
        laptop.add(folder, folder.replace("/", " "), "S")
    laptop.add("Sent", "sent", "RS")
    laptop.add("Drafts", "draft", "DFS")
    laptop.sync("--push")
    phone.sync()
    laptop.sync()  # the server has made the parent of the last one
    assert phone.tree() == laptop.tree()
    assert phone.tree()["&ZeVnLA-/&Z3FOrA-"] == [("&ZeVnLA- &Z3FOrA-", "S")]
    assert phone.tree()["Drafts"] == [("draft", "DFS")]


def test_two_devices_see_the_same(correo: Correo, laptop: Device, phone: Device) -> None:
    correo.deliver(letter("one"), letter("two"), letter("three"))
    laptop.sync()
    phone.sync()
    laptop.flag("INBOX", "one", "FRS")
    laptop.remove("INBOX", "two")
    laptop.add("Kept", "four")
    phone.flag("INBOX", "three", "S")
    phone.add("INBOX", "five", "S")
    for device in (laptop, phone, laptop):
        device.sync()
    assert phone.tree() == laptop.tree()
    assert laptop.tree()["INBOX"] == [("five", "S"), ("one", "FRS"), ("three", "S")]
    assert laptop.tree()["Kept"] == [("four", "")]
    assert sorted(subject(message) for message in correo.messages()) == ["five", "one", "three"]


def test_a_folder_that_is_removed_is_removed_everywhere(
    correo: Correo, laptop: Device, phone: Device
) -> None:
    laptop.add("Old/Letters", "one")
    laptop.sync()
    phone.sync()
    assert phone.tree()["Old/Letters"] == [("one", "")]
    phone.remove("Old/Letters", "one")
    phone.sync()
    laptop.sync()
    assert laptop.tree()["Old/Letters"] == []
    (path := laptop.mail / "Old" / "Letters").rename(path.with_name("gone"))
    for part in ("new", "cur", "tmp"):
        (path.with_name("gone") / part).rmdir()
    for left in path.with_name("gone").iterdir():
        left.unlink()
    path.with_name("gone").rmdir()
    laptop.sync()
    phone.sync()
    assert "Old/Letters" not in phone.tree()


def test_a_large_mailbox_is_copied_and_left_alone(correo: Correo, laptop: Device) -> None:
    correo.deliver(*(letter(f"letter {number:03}", "x" * number * 40) for number in range(300)))
    laptop.sync()
    expected = [(f"letter {number:03}", "") for number in range(300)]
    assert laptop.tree()["INBOX"] == expected
    laptop.sync()
    assert laptop.tree()["INBOX"] == expected
    assert len(correo.messages()) == 300
