"""`correo share`: who else may use a mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from correo import accounts, mailbox
from correo.accounts import Account
from correo.cli.account import parse
from correo.cli.human import plural
from correo.cli.terminal import State, json_option, run, say, show, usage, with_database
from correo.clock.system import SystemClock
from correo.mail.errors import Kind, Refused
from correo.mailbox import ANYONE, Entry, Mailbox, Rights
from correo.mailbox.rights import ALL_RIGHTS, LETTERS, Change, ordered, parse_rights
from correo.storage.db import Tx

HINTS = {
    Kind.NOT_FOUND: "see accounts with: correo account list, and mailboxes with: correo share list ADDRESS"
}
EVERYBODY = "anyone"  # RFC 4314 §2

# What people mean most of the time, as cyradm has it.
WORDS: dict[str, Rights] = {
    "read": frozenset("lrs"),
    "write": ALL_RIGHTS - {"a"},
    "all": ALL_RIGHTS,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A mailbox, or all of an account."""

    address: str  # comparison form
    folder: str | None

    def __str__(self) -> str:
        return self.address if self.folder is None else f"{self.address}/{self.folder}"


@dataclass(frozen=True, slots=True)
class Shared:
    """A mailbox and who else may use it."""

    box: Mailbox
    entries: list[tuple[str, Entry]]  # by the names of whom they are about


@click.group()
def command() -> None:
    """Who else may use a mailbox.

    WHERE is ADDRESS/FOLDER for one mailbox ("alice@example.com/INBOX"), or ADDRESS for every mailbox the account has now. WHO
    is an address, or "anyone" for everybody with an account in the same domain. RIGHTS are "read", "write", "all", or letters
    (RFC 4314): l see it, r read, s keep what one has read, w set flags, t mark as deleted, e expunge, i put in, p post to,
    k make mailboxes below it, x delete it, a give rights to others.
    """


@command.command("list")
@click.argument("where")
@json_option
@click.pass_obj
def list_(state: State, where: str) -> None:
    """Show who may use the mailbox, or those of the account, besides the owner."""
    place = _place(where)
    found = run(with_database(state.config(), lambda db: db.read(_look, place)), HINTS)
    rows = [
        {
            "mailbox": f"{place.address}/{shared.box.name}",
            "who": name,
            "rights": ordered(entry.rights),
            "denied": entry.negative,
        }
        for shared in found
        for name, entry in shared.entries
    ]
    empty = f"nobody but the owner may use {place}; share with: correo share set {place} WHO RIGHTS"
    show(state, rows, empty=empty, columns=_COLUMNS)


_COLUMNS = {
    "mailbox": lambda row: str(row["mailbox"]),
    "who": lambda row: str(row["who"]),
    "rights": lambda row: f"not {row['rights']}" if row["denied"] else str(row["rights"]),
}


@command.command("set")
@click.argument("where")
@click.argument("who")
@click.argument("rights")
@click.option("--deny", is_flag=True, help="take these away, whatever else gives them")
@json_option
@click.pass_obj
def set_(state: State, where: str, who: str, rights: str, deny: bool) -> None:
    """Give WHO these RIGHTS and no others; "+" in front adds them to those there are.

    Mailboxes that are made below a shared one are shared alike.
    """
    how: Change = "add" if rights.startswith("+") else "replace"
    given = _rights(rights.removeprefix("+"))
    place, boxes = _change(state, where, who, how, given, deny)
    words = f"{who} {'may not' if deny else 'may'} {ordered(given)} in {_where(place, boxes)}"
    _tell(state, words, boxes, place, who)


@command.command()
@click.argument("where")
@click.argument("who")
@click.argument("rights", required=False)
@click.option("--deny", is_flag=True, help="of what was taken away with --deny")
@json_option
@click.pass_obj
def remove(state: State, where: str, who: str, rights: str | None, deny: bool) -> None:
    """Take from WHO these RIGHTS, or all that WHO was given."""
    gone = ALL_RIGHTS if rights is None else _rights(rights)
    place, boxes = _change(state, where, who, "remove", gone, deny)
    letters = ordered(gone)
    if deny:
        words = f"{who} is no longer denied {letters if rights else 'anything'} in {_where(place, boxes)}"
    else:
        words = f"took {letters if rights else 'all rights'} from {who} in {_where(place, boxes)}"
    _tell(state, words, boxes, place, who)


def _tell(state: State, words: str, boxes: Sequence[Mailbox], place: Place, who: str) -> None:
    say(state, words, who=who, mailboxes=[f"{place.address}/{box.name}" for box in boxes])


def _where(place: Place, boxes: Sequence[Mailbox]) -> str:
    return (
        str(place) if place.folder is not None else f"{plural(len(boxes), 'mailbox', 'mailboxes')} of {place}"
    )


def _change(
    state: State, where: str, who: str, how: Change, rights: Rights, negative: bool
) -> tuple[Place, list[Mailbox]]:
    place, now = _place(where), SystemClock().now()
    person = None if who == EVERYBODY else parse(who).folded

    async def op(tx: Tx) -> list[Mailbox]:
        owner, boxes = await _boxes(tx, place)
        account_id, domain = ANYONE, owner.domain
        if person is not None:
            holder = await _account(tx, person)
            if holder.shared and how != "remove":
                raise Refused(
                    Kind.NO_PERMISSION, f"{holder.address} is a shared account, and nobody logs in as it"
                )
            account_id, domain = holder.id, ""
        if account_id == owner.id:
            raise Refused(Kind.NO_PERMISSION, f"{owner.address} is the owner and may do everything")
        for box in boxes:
            await mailbox.set_rights(tx, box.id, account_id, domain, negative, how, rights, now)
        return boxes

    return place, run(with_database(state.config(), lambda db: db.write(op)), HINTS)


async def _look(tx: Tx, place: Place) -> list[Shared]:
    _, boxes = await _boxes(tx, place)
    found = []
    for box in boxes:
        entries = await mailbox.acl(tx, box.id)
        found.append(Shared(box, [(await _name(tx, entry), entry) for entry in entries]))
    return found


async def _name(tx: Tx, entry: Entry) -> str:
    if entry.account_id == ANYONE:
        return EVERYBODY
    account = await accounts.account_by_id(tx, entry.account_id)
    return account.address if account else f"account {entry.account_id}"


async def _boxes(tx: Tx, place: Place) -> tuple[Account, list[Mailbox]]:
    owner = await _account(tx, place.address)
    if place.folder is None:
        return owner, await mailbox.list_mailboxes(tx, owner.id)
    box = await mailbox.find(tx, owner.id, place.folder)
    if box is None:
        raise Refused(Kind.NOT_FOUND, f"there is no mailbox {place}")
    return owner, [box]


async def _account(tx: Tx, folded: str) -> Account:
    account = await accounts.get_account(tx, folded)
    if account is None:
        raise Refused(Kind.NOT_FOUND, f"there is no account {folded}")
    return account


def _place(where: str) -> Place:
    """Parted at the first slash after the domain has begun: local parts may contain one. Raises Failure."""
    slash = where.find("/", where.find("@") + 1)
    if slash < 0:
        return Place(parse(where).folded, None)
    return Place(parse(where[:slash]).folded, where[slash + 1 :])


def _rights(text: str) -> Rights:
    """Raises Failure."""
    found = WORDS.get(text) or parse_rights(text)
    if not found:
        raise usage(f'{text!r} is none of {", ".join(WORDS)}, and not letters of "{LETTERS}"')
    return found
