"""What shared folders must look like to each who may see them: a model in memory, simple enough to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SEEN, DELETED = "\\seen", "\\deleted"
EVERYTHING = "lrswipkxtea"
ANYONE = "anyone"


@dataclass
class Mail:
    flags: set[str]  # common to all; \Seen of the owner is among them
    seen: set[str]  # readers that have \Seen
    version: int  # of the last change that everybody may notice
    versions: dict[str, int] = field(
        default_factory=dict
    )  # of the last change that one reader alone may notice


@dataclass
class Folder:
    owner: str  # whose flags are the common ones; nobody's where the account is shared by all
    path: str  # with "{}" where the name stands that it has now
    name: str
    rights: dict[str, str] = field(
        default_factory=dict
    )  # by account or ANYONE, with a dash what is taken away
    mails: dict[int, Mail] = field(default_factory=dict)
    uidnext: int = 1

    def name_for(self, account: str) -> str:
        return self.name if account == self.owner else self.path.format(self.name)

    def rights_of(self, account: str) -> str:
        """RFC 4314 §2: all that is given, minus all that is taken."""
        if account == self.owner:
            return EVERYTHING
        given = self.rights.get(account, "") + self.rights.get(ANYONE, "")
        taken = self.rights.get(f"-{account}", "") + self.rights.get(f"-{ANYONE}", "")
        return "".join(right for right in EVERYTHING if right in given and right not in taken)

    def flags_for(self, account: str, uid: int) -> frozenset[str]:
        mail = self.mails[uid]
        if account == self.owner:
            return frozenset(mail.flags)
        return frozenset(mail.flags - {SEEN} | ({SEEN} if account in mail.seen else set()))

    def version_for(self, account: str, uid: int) -> int:
        mail = self.mails[uid]
        return max(mail.version, mail.versions.get(account, 0))

    def permitted(self, account: str, flags: Iterable[str]) -> set[str]:
        """RFC 4314 §4: which of the flags one may change."""
        rights = self.rights_of(account)
        return {flag for flag in flags if {SEEN: "s", DELETED: "t"}.get(flag, "w") in rights}


class Model:
    """What each command does. Where it must be refused, the answer is None or False and nothing has changed."""

    def __init__(self) -> None:
        self.version = 0

    def _mail(self, folder: Folder, account: str, flags: Iterable[str]) -> int:
        allowed = folder.permitted(account, flags)
        mail = Mail(allowed, set(), self.version)
        if account != folder.owner and SEEN in allowed:
            mail.flags.discard(SEEN)
            mail.seen.add(account)
        uid = folder.uidnext
        folder.uidnext += 1
        folder.mails[uid] = mail
        return uid

    def append(self, folder: Folder, account: str, flags: Iterable[str]) -> int | None:
        if "i" not in folder.rights_of(account):
            return None
        self.version += 1
        return self._mail(folder, account, flags)

    def store(self, folder: Folder, account: str, uids: Sequence[int], sign: str, flags: set[str]) -> bool:
        """`sign` "+" or "-", or "" for a replacement, which leaves alone what may not be changed."""
        allowed = folder.permitted(account, flags)
        if not allowed and (flags or set("stw").isdisjoint(folder.rights_of(account))):
            return False
        self.version += 1
        for uid in uids:
            before = folder.flags_for(account, uid)
            mine = folder.permitted(account, before)
            after = {"+": before | allowed, "-": before - allowed, "": (before - mine) | allowed}[sign]
            mail = folder.mails[uid]
            if account == folder.owner:
                changed = after != before
                mail.flags = set(after)
            else:
                changed = after - {SEEN} != before - {SEEN}
                mail.flags = set(after - {SEEN}) | (mail.flags & {SEEN})
                if (SEEN in after) != (SEEN in before):
                    mail.seen ^= {account}
                    mail.versions[account] = self.version
            if changed:
                mail.version = self.version
        return True

    def transfer(
        self, source: Folder, account: str, uids: Sequence[int], target: Folder, *, move: bool
    ) -> list[tuple[int, int]] | None:
        """The pairs of COPYUID."""
        if "i" not in target.rights_of(account):
            return None
        if move and not {"t", "e"} <= set(source.rights_of(account)):
            return None
        self.version += 1
        pairs = [(uid, self._mail(target, account, source.flags_for(account, uid))) for uid in uids]
        if move:
            for uid in uids:
                del source.mails[uid]
        return pairs

    def expunge(self, folder: Folder, account: str, uids: Iterable[int]) -> bool:
        if "e" not in folder.rights_of(account):
            return False
        self.version += 1
        for uid in uids:
            if DELETED in folder.mails[uid].flags:
                del folder.mails[uid]
        return True
