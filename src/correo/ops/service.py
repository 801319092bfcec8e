"""The manners of a service: word to the service manager, and giving up root."""

from __future__ import annotations

import os
import pwd
import socket


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)): `READY=1`, `STOPPING=1`, `RELOADING=1`. Nothing happens where nobody listens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            pass  # a manager that does not listen is no reason to stop the mail


class CannotDrop(Exception):
    """The user to become does not exist, or root was not given up; the text says what to do."""


def drop_privileges(user: str) -> None:
    """Become `user` for good, if we are root. Raises CannotDrop."""
    if os.geteuid() != 0:
        return
    if not user:
        raise CannotDrop(
            "started as root: set user in the configuration to the account to run as, or start as that user"
        )
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise CannotDrop(
            f"user {user!r} does not exist; make it with: useradd --system --home-dir /var/lib/correo {user}"
        ) from None
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if entry.pw_uid == 0 or os.geteuid() != entry.pw_uid:
        raise CannotDrop(f"still root after becoming {user!r}")
