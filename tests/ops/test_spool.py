"""Letters that wait for the server in a folder: whole or not there, whose they are, and what becomes of bad ones."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from correo.mail.instant import DAY, SECOND
from correo.ops import spool
from correo.wire.smtp.letter import Letter

LETTER = Letter(
    "a@example.org", ("b@example.org", "c@example.org"), b"Subject: x\r\n\r\n\xff\n\n", "NEVER", "FULL", "id"
)
NAME = "0123456789abcdef"
MOST = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spool.prepare(tmp_path / "spool")
    return tmp_path / "spool"


def test_what_is_put_can_be_taken_with_its_owner(folder: Path) -> None:
    spool.put(folder, LETTER, NAME)
    assert spool.waiting(folder) == [NAME]
    found = spool.take(folder, NAME, MOST)
    assert (found.letter, found.uid) == (LETTER, os.getuid())
    assert abs(found.written - (folder / NAME).stat().st_mtime * SECOND) < SECOND
    spool.remove(folder, NAME)
    assert spool.waiting(folder) == []


def test_everybody_may_put_and_nobody_may_look(folder: Path) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    assert mode in (spool.MODE, spool.MODE_WITHOUT_GROUP)
    assert not mode & 0o044
    assert (folder / spool.ASIDE).stat().st_mode & 0o777 == 0o700
    spool.put(folder, LETTER, NAME)
    expected = 0o640 if (folder / NAME).stat().st_gid == folder.stat().st_gid else 0o644
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == expected
    spool.prepare(folder)  # a second time changes nothing
    assert spool.waiting(folder) == [NAME]


def test_what_is_being_written_does_not_wait_and_goes_after_a_day(folder: Path) -> None:
    begun = folder / (spool.BEGUN + NAME)
    begun.write_bytes(b"correo let")
    (folder / "notes.txt").touch()
    assert spool.waiting(folder) == []
    written = round(begun.stat().st_mtime) * SECOND
    spool.clean(folder, written + DAY // 2)
    assert begun.exists()
    spool.clean(folder, written + 2 * DAY)
    assert not begun.exists()
    assert (folder / "notes.txt").exists()


def test_what_cannot_be_removed_keeps_nothing_else_from_it(folder: Path) -> None:
    for number in range(20):  # so that some come before and some behind, in whatever order
        (folder / f"{spool.BEGUN}{number}").touch()
        made = folder / f"{spool.BEGUN}folder{number}"
        made.mkdir()
        (made / "full").touch()
        os.utime(made, (1, 1))
    spool.clean(folder, round((folder / f"{spool.BEGUN}0").stat().st_mtime) * SECOND + 2 * DAY)
    assert sorted(os.listdir(folder)) == sorted(
        [spool.ASIDE, *(f"{spool.BEGUN}folder{n}" for n in range(20))]
    )


def test_somebody_elses_folder_is_not_where_letters_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool" / spool.ASIDE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="not the server's"):
        spool.prepare(tmp_path / "spool")
    (tmp_path / "spool" / spool.ASIDE).unlink()
    (tmp_path / "spool" / spool.ASIDE).touch()
    with pytest.raises(OSError):
        spool.prepare(tmp_path / "spool")


def test_nothing_is_left_where_there_is_no_room(folder: Path) -> None:
    spool.put(folder, LETTER, NAME)
    with pytest.raises(OSError):
        spool.put(folder / "none", LETTER, NAME)
    (folder / (spool.BEGUN + NAME)).touch()
    with pytest.raises(FileExistsError):
        spool.put(folder, LETTER, NAME)
    assert (folder / NAME).exists()


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "does not begin"),
        (b"correo letter 1\n", "envelope"),
        (b"correo letter 2\n{}\n", "does not begin"),
        (b"correo letter 1\n{\n\n", "envelope"),
        (b'correo letter 1\n{"sender":"","recipients":[]}\ntext', "no recipient"),
        (b'correo letter 1\n{"sender":"","recipients":[7]}\ntext', "envelope"),
        (b'correo letter 1\n{"sender":"a\\r\\nQUIT","recipients":["b@c"]}\ntext', "characters"),
        (b"correo letter 1\n\xff\xfe\n", "envelope"),
        (b"x" * (MOST + spool.MAX_ENVELOPE + 1), "longer"),
    ],
)
def test_bad_ones_are_known(folder: Path, octets: bytes, words: str) -> None:
    (folder / NAME).write_bytes(octets)
    with pytest.raises(spool.BadLetter, match=words):
        spool.take(folder, NAME, MOST)
    spool.set_aside(folder, NAME)
    assert (spool.waiting(folder), spool.count_aside(folder)) == ([], 1)


def test_no_tricks_with_links_and_pipes(folder: Path, tmp_path: Path) -> None:
    spool.put(folder, LETTER, NAME)
    os.link(folder / NAME, folder / "anothername")
    with pytest.raises(spool.BadLetter, match="two names"):
        spool.take(folder, "anothername", MOST)
    (tmp_path / "secret").write_bytes(b"correo letter 1\n")
    (folder / "symboliclink").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        spool.take(folder, "symboliclink", MOST)
    os.mkfifo(folder / "namedpipe")
    with pytest.raises(spool.BadLetter, match="not a file"):
        spool.take(folder, "namedpipe", MOST)
    (folder / "afolder99").mkdir()
    with pytest.raises(spool.BadLetter, match="not a file"):
        spool.take(folder, "afolder99", MOST)
    # What is no file stands in nobody's way; a link is seen, and set aside as itself.
    assert sorted(spool.waiting(folder)) == sorted([NAME, "anothername"])


def as_user(uid: int, act: Callable[[], object]) -> bool:
    """Whether `act` goes well in a process of this user, who is in no group but his own."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


SERVER, PROGRAM, OTHER = 65534, 1, 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_a_folder_that_another_user_made_is_not_taken() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "spool"
        spool.prepare(folder)
        os.rmdir(folder / spool.ASIDE)
        os.chmod(name, 0o755)
        os.chown(folder, SERVER, SERVER)
        assert as_user(OTHER, lambda: (folder / spool.ASIDE).mkdir(mode=0o777))
        assert not as_user(SERVER, lambda: spool.prepare(folder))
        with pytest.raises(OSError, match="not the server's"):
            spool.prepare(folder)
        os.rmdir(folder / spool.ASIDE)
        assert as_user(SERVER, lambda: spool.prepare(folder))
        spool.prepare(folder)  # as root, who serves as anybody


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_users_are_kept_apart() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "spool"
        spool.prepare(folder)
        for path in (folder, folder / spool.ASIDE):
            os.chown(path, SERVER, SERVER)
        os.chmod(name, 0o755)
        assert as_user(PROGRAM, lambda: spool.put(folder, LETTER, NAME))
        (letter,) = spool.waiting(folder)
        for act in (
            lambda: os.listdir(folder),
            lambda: spool.take(folder, letter, MOST),
            lambda: spool.remove(folder, letter),
            lambda: (folder / letter).write_bytes(b"correo letter 1\n"),
            lambda: os.rename(folder / letter, folder / "another0"),
        ):
            assert not as_user(OTHER, act)

        def server() -> None:
            assert spool.take(folder, letter, MOST).uid == PROGRAM
            spool.set_aside(folder, letter)

        assert as_user(SERVER, server)
        assert spool.count_aside(folder) == 1
