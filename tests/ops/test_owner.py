"""Root does to the data what its owner would have done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from correo.ops.owner import acting_as_caller, acting_as_owner, find, give, give_as, make_private, owner_of

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = 65534


def test_without_another_owner_nothing_changes(tmp_path: Path) -> None:
    before = os.geteuid()
    with acting_as_owner(tmp_path):
        assert os.geteuid() == before
    give(tmp_path, "no-such-user-here")
    assert tmp_path.stat().st_uid == before
    assert find("no-such-user-here") is None


def test_folders_are_made_private_and_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert make_private(folder, "")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not make_private(folder, "")


@root_only
def test_root_becomes_the_owner_and_comes_back(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(RuntimeError), acting_as_owner(tmp_path):
        assert (os.geteuid(), os.getegid()) == (NOBODY, NOBODY)
        raise RuntimeError
    assert (os.geteuid(), os.getegid()) == (0, 0)


@root_only
def test_what_root_may_read_as_one_of_a_group_the_owner_may_not(tmp_path: Path) -> None:
    secret, before = tmp_path / "secret", os.getgroups()
    secret.touch()
    secret.chmod(0o640)
    os.chown(tmp_path, NOBODY, NOBODY)
    os.chown(secret, 0, 4)
    os.setgroups([0, 4])
    try:
        with acting_as_owner(tmp_path):
            assert os.getgroups() == [NOBODY]
            with pytest.raises(PermissionError):
                secret.read_bytes()
        assert os.getgroups() == [0, 4]
    finally:
        os.setgroups(before)


@root_only
def test_root_reads_as_root_what_the_owner_may_not(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    with acting_as_caller():
        assert os.geteuid() == 0
    with acting_as_owner(tmp_path):
        with pytest.raises(RuntimeError), acting_as_caller():
            assert (os.geteuid(), os.getegid()) == (0, os.getgid())
            raise RuntimeError
        assert (os.geteuid(), os.getegid()) == (NOBODY, NOBODY)
    assert os.geteuid() == 0


@root_only
def test_what_a_link_leads_to_is_not_given_away(tmp_path: Path) -> None:
    secret, link = tmp_path / "secret", tmp_path / "link"
    secret.touch()
    link.symlink_to(secret)
    os.chown(tmp_path, NOBODY, NOBODY)
    give(link, "nobody")
    give_as(link, tmp_path)
    assert secret.stat().st_uid == 0
    assert link.lstat().st_uid == NOBODY


@root_only
def test_root_gives_files_away(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    file = tmp_path / "file"
    file.touch()
    give_as(file, tmp_path)
    assert file.stat().st_uid == NOBODY
    assert owner_of(file) == "nobody"
    file.unlink()
    file.touch()
    give(file, "nobody")
    assert owner_of(file) == "nobody"
