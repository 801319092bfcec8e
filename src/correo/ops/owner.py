"""Root at the command line, a user of its own for the server: what root does to the data must stay the server's to use."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def acting_as_owner(folder: Path) -> Iterator[None]:
    """As root, be whoever owns `folder` for a while, so that new files there are his; otherwise nothing. Raises OSError."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups(_groups_of(owner.st_uid, owner.st_gid))
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _groups_of(uid: int, gid: int) -> list[int]:
    """Those that the service is in, too: root's would open to him what is closed to it."""
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return [gid]


@contextmanager
def acting_as_caller() -> Iterator[None]:
    """Within `acting_as_owner`, be root again where root began it: for files that are not the server's. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    if os.getuid() != 0 or user == 0:
        yield
        return
    os.seteuid(0)
    os.setegid(os.getgid())
    try:
        yield
    finally:
        os.setegid(group)
        os.seteuid(user)


def give(path: Path, user: str) -> None:
    """As root, make `path` belong to `user`, if there is such a user; otherwise nothing. Raises OSError.

    A link is given away itself, and not where it leads: who owns the folder above may have put it there meanwhile.
    """
    if os.geteuid() == 0 and user and (entry := find(user)):
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def give_as(path: Path, like: Path) -> None:
    """As root, make `path`, or the link that it is, belong to whoever owns `like`. Raises OSError."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def find(user: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """His name, or the number in digits where he has none, as in containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def owner_of(path: Path) -> str:
    """Whose file it is, by name; "" where he has none, or is root. Raises OSError."""
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name if uid else ""
    except KeyError:
        return ""


def make_private(folder: Path, user: str) -> bool:
    """Make `folder` for the server's eyes alone, with what is missing above it; whether it was missing. Raises OSError."""
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    give(folder, user)
    return True
