"""mbsync: two devices that keep whole copies of one account, each with a state of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from imap_tools import MailMessageFlags
from tests.interop.devices import Device, plainly, tree
from tests.interop.serving import Correo, letter, subject

PROGRAMS = ("mbsync",)
SEEN, FLAGGED, ANSWERED = MailMessageFlags.SEEN, MailMessageFlags.FLAGGED, MailMessageFlags.ANSWERED

FOLDERS = {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive", "Outbox"}


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


NAMES = (
    "Réunions/Été à Genève",
    "Проекты/Срочно/2026",
    "Ελληνικά/Αθήνα/Ώρα",
    "中文/收件 箱/第二季度",
    "日本/東京",
    "عربي/بريد/وارد",
    "עברית/דואר נכנס",
    "हिन्दी/पत्र",
    "한국어/받은 편지함",
    "ไทย/กล่องจดหมาย",
    "📬/🎉 party 🎂/👩‍👩‍👧",
    "Sales & Marketing/R&D/&-&/a & b",
    "two  blanks/ in front",
    "(brackets)/[1]/{2}/semi;colon",
    "quote'single/do.ts.and,commas",
    "n/e/s/t/e/d/very/deep/indeed",
)


def test_a_tree_in_many_scripts(correo: Correo, laptop: Device, phone: Device) -> None:
    laptop.sync()
    for number, name in enumerate(NAMES):
        laptop.add(name, f"in {name}", ("", "S", "FRS", "DP")[number % 4])
    laptop.sync()
    on_server = tree(correo)
    assert set(NAMES) <= set(on_server)
    assert all(
        on_server[name] == [(f"in {name}", ("", "S", "FRS", "DP")[n % 4])] for n, name in enumerate(NAMES)
    )
    phone.sync()
    laptop.sync()  # the server has made the parents
    assert phone.tree() == laptop.tree() == on_server
    # And back, from the server: each renamed to a name in another script.
    with plainly(correo) as box:
        for name, other in zip(NAMES[::2], NAMES[1::2], strict=True):
            box.folder.rename(name, f"{other}/{name.rpartition('/')[2]}")
    for device in (phone, laptop):
        device.sync(code=None)  # it complains about folders with mail that are gone on the other side
    on_server = tree(correo)
    for device in (phone, laptop):
        kept = device.tree()
        assert {name: kept[name] for name in on_server} == on_server


def test_conflicts(correo: Correo, laptop: Device) -> None:
    """Each message is changed on both sides between two runs."""
    names = (
        "flags",
        "flags off",
        "same",
        "gone there",
        "gone here",
        "gone",
        "moved there",
        "moved here",
        "alone",
    )
    correo.deliver(*map(letter, names))
    with plainly(correo) as box:
        box.flag("2", [SEEN, FLAGGED], True)
    laptop.sync()
    laptop.flag("INBOX", "flags", "S")
    laptop.flag("INBOX", "flags off", "F")
    laptop.flag("INBOX", "same", "RS")
    laptop.flag("INBOX", "gone there", "F")
    laptop.flag("INBOX", "moved there", "F")
    for name in ("gone here", "gone"):
        laptop.remove("INBOX", name)
    laptop.move("INBOX", "moved here", "Archive")
    with plainly(correo) as box:
        uids = {message.subject: message.uid or "" for message in box.fetch(mark_seen=False)}
        box.flag(uids["flags"], [FLAGGED, "$Forwarded"], True)
        box.flag(uids["flags off"], FLAGGED, False)
        box.flag(uids["flags off"], ANSWERED, True)
        box.flag(uids["same"], [SEEN, ANSWERED], True)
        box.flag([uids["gone here"], uids["moved here"]], SEEN, True)
        box.delete([uids["gone there"], uids["gone"]])
        box.move(uids["moved there"], "Archive")
    laptop.sync()
    laptop.sync()  # what was told in the first run
    expected = {
        "INBOX": [("alone", ""), ("flags", "FPS"), ("flags off", "R"), ("same", "RS")],
        "Archive": [("moved here", ""), ("moved there", "")],
    }
    for found in (laptop.tree(), tree(correo)):
        assert {name: found[name] for name in expected} == expected


def test_folders_made_renamed_and_removed_on_either_side(
    correo: Correo, laptop: Device, phone: Device
) -> None:
    laptop.add("Old/Letters", "one", "S")
    laptop.create("Old/Empty")
    laptop.sync()
    phone.sync()
    assert phone.tree()["Old/Letters"] == [("one", "S")]
    # On one device a folder is renamed, as Maildir knows it: its messages move to a new one, and the empty one goes.
    phone.move("Old/Letters", "one", "New/Briefe")
    phone.sync()
    laptop.sync()  # mbsync never removes a folder that holds mail, so this one must have seen it leave
    phone.delete("Old/Letters")
    phone.delete("Old/Empty")
    # On the server others are made and renamed meanwhile.
    with plainly(correo) as box:
        box.folder.create("Server/Made")
        box.append(letter("two"), "Server/Made", flag_set=[FLAGGED])
        box.folder.create("Server/Empty")
        box.folder.rename("Server/Empty", "Server/Renamed")
        box.folder.delete("Drafts")
    for device in (phone, laptop, phone):
        device.sync()
    on_server = tree(correo)
    assert on_server["New/Briefe"] == [("one", "S")]
    assert on_server["Server/Made"] == [("two", "F")]
    assert not {"Old/Letters", "Old/Empty", "Server/Empty", "Drafts"} & set(on_server)
    assert {"Server/Renamed", "INBOX"} <= set(on_server)
    assert laptop.tree() == phone.tree() == on_server


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


def test_a_large_mailbox_is_copied_and_left_alone(correo: Correo, laptop: Device) -> None:
    correo.deliver(*(letter(f"letter {number:03}", "x" * number * 40) for number in range(300)))
    laptop.sync()
    expected = [(f"letter {number:03}", "") for number in range(300)]
    assert laptop.tree()["INBOX"] == expected
    laptop.sync()
    assert laptop.tree()["INBOX"] == expected
    assert len(correo.messages()) == 300
