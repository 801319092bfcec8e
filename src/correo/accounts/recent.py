"""Logins that succeeded a short while ago, so that a client with ten connections costs one hash.

Kept is a keyed digest of account, stored hash and password, never the password; the key is drawn anew by each process. The
stored hash is part of it, so a changed password is forgotten the moment it changes.
"""

from __future__ import annotations

import hmac

from correo.mail.instant import MINUTE

TTL = 5 * MINUTE  # clients that poll do so at least this often
MAX_ENTRIES = 10_000  # about 2 MB; the oldest goes first


class RecentLogins:
    def __init__(self, key: bytes) -> None:
        self._key = key
        self._added: dict[bytes, int] = {}

    def knows(self, mark: bytes, now: int) -> bool:
        added = self._added.get(mark)
        if added is None:
            return False
        # A clock set back must not lengthen an entry's life.
        if 0 <= now - added < TTL:
            return True
        del self._added[mark]
        return False

    def add(self, mark: bytes, now: int) -> None:
        self._added.pop(mark, None)
        self._added[mark] = now
        if len(self._added) > MAX_ENTRIES:
            del self._added[next(iter(self._added))]

    def mark(self, account_id: int, stored: str, secret: bytes) -> bytes:
        return hmac.digest(self._key, f"{account_id}\0{stored}\0".encode() + secret, "sha256")
