"""Maildirs in all layouts, and what somebody hostile may put into one."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from correo.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags
from correo.ops.importing import Folder, Found, Layout, Letter, Maildirs, Problem, UidlFormat

LIMIT = 1_000
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what is somebody else's")
LETTER = b"Subject: 1\n\nbody\n"


def maildir(path: Path, **letters: bytes) -> Path:
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True, exist_ok=True)
    return path


def put(path: Path, name: str, octets: bytes = LETTER, part: str = "cur") -> Path:
    file = path / part / name
    file.write_bytes(octets)
    os.utime(file, ns=(1_700_000_000_123_456_000, 1_700_000_000_123_456_000))
    return file


def folders(path: Path, layout: Layout = Layout.AUTO, template: str | None = None) -> dict[str, Folder]:
    source = Maildirs(path, layout, LIMIT, UidlFormat(template) if template else None)
    return {folder.name: folder for folder in source.folders()}


def found(folder: Folder) -> list[Found]:
    return [one for one in folder.found() if isinstance(one, Found)]


def problems(folder: Folder) -> list[str]:
    """Of the folder and of its messages."""
    words = []
    for one in folder.found():
        read = one if isinstance(one, Problem) else one.read()
        if isinstance(read, Problem):
            words.append(str(read))
    return words


def letters(folder: Folder) -> list[Letter]:
    read = [one.read() for one in found(folder)]
    return [one for one in read if isinstance(one, Letter)]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return maildir(tmp_path / "Maildir")


def test_a_message(inbox: Path) -> None:
    put(inbox, "1.host:2,FS")
    (letter,) = letters(folders(inbox)["INBOX"])
    assert letter == Letter(b"Subject: 1\r\n\r\nbody\r\n", Flags(FLAGGED | SEEN), 1_700_000_000_123_456, 0)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("1.host", Flags()),
        ("1.host:2,", Flags()),
        ("1.host:1,S", Flags()),
        ("1.host:2,DFRST", Flags(DRAFT | FLAGGED | ANSWERED | SEEN | DELETED)),
        ("1.host:2,PS", Flags(SEEN, ("$Forwarded",))),
        ("1.host:2,Sabz,x", Flags(SEEN, ("$Junk", "Work"))),
        ("1.host:2,SS?!", Flags(SEEN)),
    ],
)
def test_flags(inbox: Path, name: str, flags: Flags) -> None:
    (inbox / "dovecot-keywords").write_text("0 Work\n1 $Junk\n2 not a word\n")
    put(inbox, name)
    assert [letter.flags for letter in letters(folders(inbox)["INBOX"])] == [flags]


def test_messages_come_in_the_order_of_uids(inbox: Path) -> None:
    put(inbox, "1.host:2,S")
    put(inbox, "2.host:2,")
    put(inbox, "3.host", part="new")
    (inbox / "dovecot-uidlist").write_text("3 V1275660208 N30\n7 :2.host\n9 Pkept :1.host\n12 :gone.host\n")
    folder = folders(inbox)["INBOX"]
    assert (folder.uidvalidity, folder.uidnext) == (1275660208, 30)
    assert [(one.uid, one.uidl) for one in found(folder)] == [
        (7, "000000074c0907b0"),
        (9, "kept"),
        (None, None),
    ]
    assert {one.source: one.uid for one in found(folder)[:2]}.items() <= folder.listed().items()


@pytest.mark.parametrize(
    ("template", "uidl"),
    [(None, "1.host,S=5"), ("%u", None), ("%f", "1.host,S=5")],
    ids=["names", "uids", "both"],
)
def test_unique_ids_without_a_list(inbox: Path, template: str | None, uidl: str | None) -> None:
    put(inbox, "1.host,S=5:2,S")
    (one,) = found(folders(inbox, template=template)["INBOX"])
    assert (one.uid, one.uidl) == (None, None if template else uidl)


def test_courier(inbox: Path) -> None:
    put(inbox, "1.host:2,S")
    put(inbox, "2.host:2,S")
    (inbox / "courierimapuiddb").write_text("1 1160000000 9\n3 1.host\n4 2.host\n")
    (inbox / "courierpop3dsizelist").write_text("/2 9 1160000000\n1.host:2,S 500 8:1160000000\n")
    (inbox / "courierimapsubscribed").write_text("INBOX\nINBOX.Sent\n")
    (inbox / "courierimapkeywords").mkdir()
    (inbox / "courierimapkeywords" / ":list").write_text("Work\n\n2.host:0\n")
    maildir(inbox / ".Sent")
    all_folders = folders(inbox)
    folder = all_folders["INBOX"]
    assert (folder.uidvalidity, folder.uidnext) == (1160000000, 9)
    assert [(one.uid, one.uidl) for one in found(folder)] == [(3, "UID8-1160000000"), (4, "2.host")]
    assert [letter.flags.keywords for letter in letters(folder)] == [(), ("Work",)]
    assert Maildirs(inbox, Layout.AUTO, LIMIT).subscriptions() == ["INBOX", "Sent"]


def test_folders_side_by_side(inbox: Path) -> None:
    for name in (".Sent", ".Sent.2024", ".J&APw-rgen", ".Ärger", ".50%", "Other", ".a..b"):
        maildir(inbox / name)
    (inbox / ".nothing").mkdir()
    assert list(folders(inbox)) == ["INBOX", "50_", "J\u00fcrgen", "Sent", "Sent/2024", "a//b", "\u00c4rger"]


def test_folders_one_in_the_other(inbox: Path) -> None:
    for name in ("Sent", "Sent/2024", "with.dot/deep", "J&APw-rgen"):
        maildir(inbox / name)
    assert list(folders(inbox)) == ["INBOX", "J\u00fcrgen", "Sent", "Sent/2024", "with.dot/deep"]
    maildir(inbox / ".Side")
    assert list(folders(inbox)) == ["INBOX", "Side"]
    assert "Sent/2024" in folders(inbox, Layout.FS)


def test_links_are_not_followed(inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"root's own\n")
    elsewhere = put(maildir(tmp_path / "elsewhere"), "1.host").parent.parent
    (inbox / "cur" / "1.host:2,").symlink_to(secret)
    (inbox / ".Link").symlink_to(elsewhere)
    maildir(inbox / ".Half")
    (inbox / ".Half" / "cur").rmdir()
    (inbox / ".Half" / "cur").symlink_to(elsewhere / "cur")
    maildir(inbox / ".List")
    (inbox / ".List" / "dovecot-uidlist").symlink_to(secret)
    source = Maildirs(inbox, Layout.AUTO, LIMIT)
    assert [str(problem) for problem in source.problems] == [f"{inbox}/.Link: a link, which is not followed"]
    by_name = {folder.name: folder for folder in source.folders()}
    assert sorted(by_name) == ["INBOX", "List"]
    assert problems(by_name["INBOX"]) == [f"{inbox}/cur/1.host:2,: not a plain file (links are not followed)"]
    assert problems(by_name["List"]) == [
        f"{inbox}/.List/dovecot-uidlist: not a plain file (links are not followed)"
    ]


def test_a_folder_that_becomes_a_link_is_not_followed(inbox: Path, tmp_path: Path) -> None:
    """Between the look at it and the reading of it."""
    elsewhere = put(maildir(tmp_path / "elsewhere"), "1.host").parent
    put(maildir(inbox / ".Sent"), "1.host")
    folder = folders(inbox)["Sent"]
    (one,) = found(folder)
    os.rename(inbox / ".Sent" / "cur", inbox / ".Sent" / "old")
    (inbox / ".Sent" / "cur").symlink_to(elsewhere)
    assert isinstance(one.read(), Problem)


def test_what_cannot_be_read_is_said(inbox: Path) -> None:
    put(inbox, "1.empty", b"")
    put(inbox, "2.long", b"x" * (LIMIT + 1))
    put(inbox, "3.grows", b"\n" * LIMIT)
    (inbox / "cur" / "4.folder").mkdir()
    os.mkfifo(inbox / "cur" / "5.pipe")
    put(inbox, "6.good")
    put(inbox, ".hidden")
    folder = folders(inbox)["INBOX"]
    too_long = "longer than limits.message_size (1000 octets)"
    assert problems(folder) == [
        f"{inbox}/cur/1.empty: empty",
        f"{inbox}/cur/2.long: {too_long}",
        f"{inbox}/cur/3.grows: {too_long}",
        f"{inbox}/cur/4.folder: not a plain file (links are not followed)",
        f"{inbox}/cur/5.pipe: not a plain file (links are not followed)",
    ]
    assert len(letters(folder)) == 1


def test_a_message_that_goes_meanwhile(inbox: Path) -> None:
    file = put(inbox, "1.host")
    (one,) = found(folders(inbox)["INBOX"])
    file.unlink()
    assert "moved or removed meanwhile" in str(one.read())


def test_names_that_are_no_text(inbox: Path) -> None:
    with open(os.path.join(os.fsencode(inbox), b"cur", b"1.\xff%n:2,S"), "wb") as file:
        file.write(LETTER)
    (inbox / "dovecot-uidlist").write_bytes(b"3 V5 N9\n4 :1.\xff%n\n")
    (one,) = found(folders(inbox)["INBOX"])
    assert one.uid == 4
    assert isinstance(one.read(), Letter)


def test_a_broken_list_is_said_once(inbox: Path) -> None:
    put(inbox, "1.host")
    (inbox / "dovecot-uidlist").write_bytes(b"3 V5 N9\nx\ny\n" + b"z" * 100_000)
    assert problems(folders(inbox)["INBOX"]) == [
        f"{inbox}: 3 lines of the list of UIDs are broken: those messages get new UIDs"
    ]


def test_a_list_of_mailboxes_that_is_none(inbox: Path) -> None:
    put(maildir(inbox / ".Sent"), "1.host")
    for text in ("", "[]", '{"mailboxes": {".Sent": 5}}', "\udcff"):
        (inbox / "correo-mailboxes.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        assert list(folders(inbox)) == ["INBOX", "Sent"]


def test_a_tree_without_end(inbox: Path) -> None:
    path = inbox
    for _ in range(100):
        path = path / "d"
        path.mkdir()
    maildir(path)
    source = Maildirs(inbox, Layout.FS, LIMIT)
    assert [folder.name for folder in source.folders()] == ["INBOX"]
    (problem,) = source.problems
    assert problem.where == f"{inbox}{'/d' * 32}"
    assert "deeper" in problem.words


def test_no_folder_is_left_out_without_a_word(inbox: Path, tmp_path: Path) -> None:
    elsewhere = maildir(tmp_path / "elsewhere")
    for name in (".Side", "Fs/Deep", "Fs"):
        maildir(inbox / name)
    (inbox / "Fs" / "Link").symlink_to(elsewhere)
    (inbox / ".dovecot.sieve").symlink_to(tmp_path / "none")  # of no concern
    said = {
        layout: [
            str(problem).removeprefix(f"{inbox}/") for problem in Maildirs(inbox, layout, LIMIT).problems
        ]
        for layout in Layout
    }
    assert said == {
        Layout.AUTO: ["Fs: a folder of --layout fs, which was left out"],
        Layout.MAILDIR_PLUS_PLUS: ["Fs: a folder of --layout fs, which was left out"],
        Layout.FS: [
            ".Side: a folder of --layout maildir++, which was left out",
            "Fs/Link: a link, which is not followed",
        ],
    }


@as_root
def test_root_follows_no_link_of_somebody_elses(inbox: Path, tmp_path: Path) -> None:
    """Or who owns the folder above could put one to another's mail in the place of his own."""
    put(inbox, "1.host")
    home, link = tmp_path / "home", tmp_path / "link"
    home.mkdir()
    (home / "Maildir").symlink_to(inbox)
    link.symlink_to("home")
    assert len(letters(folders(link / "Maildir")["INBOX"])) == 1  # root's own
    os.chown(home / "Maildir", NOBODY, NOBODY, follow_symlinks=False)
    for place in (
        home / "Maildir",
        link / "Maildir",
        home / "Maildir" / ".",
        home / "Maildir" / "cur" / "..",
    ):
        with pytest.raises(OSError, match="somebody else than root has made"):
            Maildirs(place, Layout.AUTO, LIMIT)


def test_links_without_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="levels of symbolic links"):
        Maildirs(tmp_path / "a", Layout.AUTO, LIMIT)


def test_a_maildir_that_is_exchanged_meanwhile(inbox: Path, tmp_path: Path) -> None:
    put(inbox, "1.host")
    other = put(maildir(tmp_path / "other"), "1.host", b"Subject: 2\n\n").parent.parent
    source = Maildirs(inbox, Layout.AUTO, LIMIT)
    inbox.rename(tmp_path / "old")
    inbox.symlink_to(other)
    (folder,) = source.folders()
    assert [letter.octets[:10] for letter in letters(folder)] == [b"Subject: 1"]


@as_root
def test_a_second_name_for_somebody_elses_file(inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(LETTER)
    os.link(secret, inbox / "cur" / "1.host")
    os.link(put(inbox, "2.host"), inbox / "cur" / "3.host")
    assert len(letters(folders(inbox)["INBOX"])) == 3
    os.chown(secret, NOBODY, NOBODY)
    assert len(letters(folders(inbox)["INBOX"])) == 2
    (problem,) = problems(folders(inbox)["INBOX"])
    assert "somebody else's file" in problem


def test_files_without_end_are_not_read(inbox: Path) -> None:
    for path in (inbox / "cur" / "1.host", inbox / "dovecot-uidlist", inbox / "subscriptions"):
        path.touch()
        os.truncate(path, 2**40)
    source = Maildirs(inbox, Layout.AUTO, LIMIT)
    (folder,) = source.folders()
    assert problems(folder) == [
        f"{inbox}/dovecot-uidlist: longer than 268435456 octets",
        f"{inbox}/cur/1.host: longer than limits.message_size (1000 octets)",
    ]
    assert source.subscriptions() == []
    assert [problem.where for problem in source.problems] == [f"{inbox}/subscriptions"]


class TestWhatDovecotHasPacked:
    PACKED = (
        gzip.compress(LETTER),
        bz2.compress(LETTER),
        lzma.compress(LETTER),
        zstandard.compress(LETTER),
        zstandard.ZstdCompressor(write_content_size=False).compress(LETTER),
    )

    @pytest.mark.parametrize("octets", PACKED, ids=["gzip", "bzip2", "xz", "zstd", "zstd without size"])
    def test_is_read(self, inbox: Path, octets: bytes) -> None:
        put(inbox, "1.host,S=18:2,S", octets)
        assert [letter.octets for letter in letters(folders(inbox)["INBOX"])] == [
            b"Subject: 1\r\n\r\nbody\r\n"
        ]

    @pytest.mark.parametrize("octets", PACKED, ids=["gzip", "bzip2", "xz", "zstd", "zstd without size"])
    def test_is_said_to_be_damaged(self, inbox: Path, octets: bytes) -> None:
        put(inbox, "1.host,S=18:2,S", octets[:-1])
        assert [words.partition(": ")[2] for words in problems(folders(inbox)["INBOX"])] == [
            "compressed, and damaged"
        ]

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
    def test_may_be_a_bomb(self, inbox: Path, pack: Callable[[bytes], bytes]) -> None:
        octets = pack(bytes(16 * LIMIT))
        assert len(octets) < LIMIT
        put(inbox, "1.host", octets)
        assert "longer than limits.message_size" in problems(folders(inbox)["INBOX"])[0]

    @pytest.mark.parametrize(
        ("octets", "words"), [(b"CRYPTED\x03\x07\x02", "mail_crypt"), (b"Dovecot-LZ4\r*\x9b\xc5\0", "lz4")]
    )
    def test_cannot_be_read(self, inbox: Path, octets: bytes, words: str) -> None:
        put(inbox, "1.host", octets)
        assert words in problems(folders(inbox)["INBOX"])[0]
