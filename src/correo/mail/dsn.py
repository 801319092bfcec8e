"""The messages that tell a sender what became of his: a delivery status notification in a multipart/report
(RFC 3464, RFC 6522, RFC 6533 for addresses beyond ASCII).

The first part is for people, the second for programs, the third is the header of the message it is about, or all of it where
the sender asked for that and it failed. All of it is 7-bit, with lines of at most 78 columns where the text is ours; only the
To field of a sender beyond ASCII and what comes back of an 8-bit message cannot be.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from correo.mail.address import Address
from correo.mail.dsn_words import reason
from correo.mail.instant import rfc5322_date
from correo.mail.message.words import encode_words
from correo.mail.status import Status

MAX_HEADER = (
    32 * 1024
)  # octets of the original's header that go back: enough for 100 hops, and a bounce stays small
MAX_CONTENT = 1024 * 1024  # octets of an original that goes back whole (RFC 3461 §6.2 leaves the limit to us)
MAX_LINE = 998  # octets without CR LF, RFC 5322 §2.1.1
MAX_SUBJECT = 120  # characters of the original's subject repeated in ours
MAX_DIAGNOSTIC = 900  # characters of another server's answer; may be one word, which then is a line
WIDTH = 76

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_DIGITS = 32  # hexadecimal, of a digest: nobody finds a text that has its own
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Action(Enum):
    """What became of a message for one recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"  # to where nobody tells of success
    EXPANDED = "expanded"  # the address stands for several others


_SUCCESSES = (Action.DELIVERED, Action.RELAYED, Action.EXPANDED)
# What the subject begins with: the first that is true of any recipient.
_TITLES = {
    Action.FAILED: "Could not be delivered",
    Action.DELAYED: "Delayed",
    Action.EXPANDED: "Passed on",
    Action.RELAYED: "Passed on",
    Action.DELIVERED: "Delivered",
}


@dataclass(frozen=True, slots=True)
class Original:
    """What the notice is about."""

    sender: Address
    arrived: int  # when we took it
    message_id: str  # with its brackets, "" where there is none
    subject: str  # decoded
    header: bytes
    envelope_id: str = ""  # the sender's name for the envelope (RFC 3461 §4.4)
    octets: bytes = b""  # all of it, where it is to go back whole
    deliver_by: int = 0  # by when its sender wanted it to be there; 0: he did not say (RFC 2852)


@dataclass(frozen=True, slots=True)
class Affected:
    """One recipient it could not be brought to."""

    address: Address
    original: str  # what the sender wrote; an alias may have led from there to `address`
    status: Status  # the last answer, ours where `host` is ""
    host: str  # the server that gave it: its name, then anything
    at: int  # of the last attempt, 0 where there was none
    orcpt: tuple[str, str] | None = None  # what the sender gave as the original recipient: type and address
    action: Action = Action.FAILED


@dataclass(frozen=True, slots=True)
class Notice:
    """A message ready to be sent with the null reverse-path to the sender of the original."""

    octets: bytes
    utf8: bool  # its header needs SMTPUTF8
    eight_bit: bool


def failed(original: Original, affected: Sequence[Affected], *, hostname: str, id: str, now: int) -> Notice:
    """The original will not be delivered to those `affected`. `id` is unique; it makes Message-ID and boundary."""
    opening = "Your message could not be delivered to:"
    closing = (
        "No further attempt is made. If there were other recipients, this is not about them. "
        "To try again, correct what is named above and send the message once more."
    )
    return _notice(_Report(original, tuple(affected), hostname, id, now, None), opening, closing)


def delayed(
    original: Original, affected: Sequence[Affected], *, hostname: str, id: str, now: int, retry_until: int
) -> Notice:
    """The original has not been delivered yet to those `affected`; it is tried until `retry_until`."""
    opening = "Your message is delayed. It has not been delivered yet to:"
    closing = (
        "There is nothing you need to do, and please do not send it again: it is tried further until "
        f"{rfc5322_date(retry_until)}. If it cannot be delivered by then, you will be told."
    )
    late = tuple(replace(one, action=Action.DELAYED) for one in affected)
    return _notice(_Report(original, late, hostname, id, now, retry_until), opening, closing)


def succeeded(
    original: Original, affected: Sequence[Affected], *, hostname: str, id: str, now: int
) -> Notice:
    """The original has reached those `affected`, each as his action says."""
    opening = "You asked to be told when your message arrives. This is what became of it for:"
    return _notice(_Report(original, tuple(affected), hostname, id, now, None), opening, "")


@dataclass(frozen=True, slots=True)
class _Report:
    original: Original
    affected: tuple[Affected, ...]
    hostname: str
    id: str
    now: int
    retry_until: int | None  # where it is delayed

    @property
    def actions(self) -> set[Action]:
        return {one.action for one in self.affected}

    @property
    def international(self) -> bool:
        """Whether addresses have to be spelled in UTF-8 (RFC 6533 §4.4)."""
        return not all(
            one.address.ascii and one.original.isascii() and (one.orcpt is None or one.orcpt[1].isascii())
            for one in self.affected
        )


def _notice(report: _Report, opening: str, closing: str) -> Notice:
    parts = (_for_people(report, opening, closing), _for_programs(report), _returned(report))
    boundary = _boundary(report, parts)
    lines = [*_header(report, boundary), ""]
    for part in parts:
        lines += [f"--{boundary}", *part]
    lines += [f"--{boundary}--", ""]
    octets = "\r\n".join(lines).encode("utf-8", "surrogateescape")
    return Notice(octets, not report.original.sender.ascii, not octets.isascii())


def _boundary(report: _Report, parts: Sequence[list[str]]) -> str:
    """A line of none of the parts begins with it (RFC 2046 §5.1.1), also where a sender foresaw our id to add parts of his own."""
    boundary = f"=_{report.id}"
    if not any(line.startswith(f"--{boundary}") for part in parts for line in part):
        return boundary
    digest = hashlib.sha256()
    for part in parts:
        digest.update("\r\n".join(part).encode("utf-8", "surrogateescape"))
    return f"{boundary}_{digest.hexdigest()[:_DIGITS]}"


def _header(report: _Report, boundary: str) -> list[str]:
    subject = _clean(report.original.subject)[:MAX_SUBJECT]
    what = next(words for action, words in _TITLES.items() if action in report.actions)
    title = f"{what}: {subject}" if subject else what
    sender = report.original.sender
    answered = _MESSAGE_ID.fullmatch(report.original.message_id)
    return [
        f"From: Mail Delivery System <MAILER-DAEMON@{report.hostname}>",
        f"To: <{sender.in_a_labels}>",
        f"Subject: {encode_words(title, len('Subject: '))}",
        f"Date: {rfc5322_date(report.now)}",
        f"Message-ID: <{report.id}@{report.hostname}>",
        *([f"In-Reply-To: {answered[0]}", f"References: {answered[0]}"] if answered else []),
        "Auto-Submitted: auto-replied",  # RFC 3834 §3.1.7
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
    ]


def _for_people(report: _Report, opening: str, closing: str) -> list[str]:
    lines = [opening, ""]
    for one in report.affected:
        lines.append(f"    {one.original or one.address}")
        if one.original and one.original != str(one.address):
            lines.append(f"    (which leads to {one.address})")
        lines += ["", *_wrapped(_reason(one))]
        if one.action in _SUCCESSES:
            lines.append("")
            continue
        if one.host:
            words = f"{one.host.split(' ')[0]} answered:"
            lines += ["", *_wrapped(words), *_wrapped(_clean(str(one.status)), "    ")]
        elif text := _clean(one.status.text):
            lines += ["", *_wrapped("What happened:"), *_wrapped(text, "    ")]
        lines.append("")
    lines += ["The message:", ""]
    if subject := _clean(report.original.subject):
        lines += textwrap.wrap(
            f"Subject: {subject}", WIDTH, initial_indent="    ", subsequent_indent="        "
        )
    lines += [f"    Arrived: {rfc5322_date(report.original.arrived)}", ""]
    if closing:
        lines += [*_wrapped(closing), ""]
    lines += [f"Mail Delivery System at {report.hostname}", ""]
    return _text_part("text/plain", lines)


def _for_programs(report: _Report) -> list[str]:
    """RFC 3464 §2.2 and §2.3: a block for the message, then one for each recipient."""
    envelope_id = report.original.envelope_id
    lines = [
        *([f"Original-Envelope-Id: {_clean(envelope_id)}"] if envelope_id else []),
        f"Reporting-MTA: dns; {report.hostname}",
        f"Arrival-Date: {rfc5322_date(report.original.arrived)}",
        *([f"Deliver-By-Date: {rfc5322_date(by)}"] if (by := report.original.deliver_by) else []),
    ]
    for one in report.affected:
        lines.append("")
        if one.orcpt:  # RFC 3461 §6.3 d: only then
            lines += _field("Original-Recipient", f"{one.orcpt[0]}; {_clean(one.orcpt[1])}")
        lines += _field("Final-Recipient", _typed(str(one.address.in_a_labels)))
        lines.append(f"Action: {one.action.value}")
        lines.append(f"Status: {one.status.class_and_detail}")
        if one.host:
            lines += _field("Remote-MTA", f"dns; {one.host.split(' ')[0]}")
        if one.action in (Action.DELIVERED, Action.EXPANDED):
            continue  # there was no attempt, and no answer of anybody
        # "smtp" is for answers of a server; what we say ourselves must not look like one (RFC 3464 §2.3.6).
        kind = "smtp" if one.host else "X-Correo"
        lines += _field("Diagnostic-Code", f"{kind}; {_ascii(str(one.status))}")
        if one.at:  # RFC 3464 §2.3.7: only where there was one
            lines.append(f"Last-Attempt-Date: {rfc5322_date(one.at)}")
        if report.retry_until is not None:
            lines.append(f"Will-Retry-Until: {rfc5322_date(report.retry_until)}")
    lines.append("")
    if report.international:
        return _text_part("message/global-delivery-status", lines)
    return ["Content-Type: message/delivery-status", "", *lines]


def _returned(report: _Report) -> list[str]:
    """The original, or its header; as it is where it is 7-bit and its lines are short enough."""
    if report.original.octets and _fits(report.original.octets):
        return _whole(report.original)
    header = report.original.header.rstrip(b"\r\n")
    if len(header) > MAX_HEADER:
        header = header[: header.rfind(b"\n", 0, MAX_HEADER) + 1 or MAX_HEADER].rstrip(b"\r\n")
    octets = re.sub(rb"\r\n|\r|\n", b"\r\n", header) + b"\r\n"
    kind = "message/global-headers" if report.international else "text/rfc822-headers"
    if octets.isascii() and b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= MAX_LINE:
        return [f"Content-Type: {kind}", "", *octets.decode("ascii").split("\r\n")]
    if not octets.isascii() and kind.startswith("text/"):
        kind += "; charset=utf-8"
    return _encoded(kind, octets)


def _fits(octets: bytes) -> bool:
    """Whether a message can be sent as it is (RFC 5321 §4.5.3.1.6)."""
    return b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= MAX_LINE


def _whole(original: Original) -> list[str]:
    if _international(original):
        # Encoded (RFC 6532 §3.7), or the notice would need SMTPUTF8, and be lost where the sender's server does not have it.
        return _encoded("message/global", original.octets)
    encoding = [] if original.octets.isascii() else ["Content-Transfer-Encoding: 8bit"]
    text = original.octets.decode("utf-8", "surrogateescape")
    return ["Content-Type: message/rfc822", *encoding, "", *text.removesuffix("\r\n").split("\r\n")]


def _international(original: Original) -> bool:
    """Whether what goes back whole has a header beyond ASCII (RFC 6532)."""
    return bool(original.octets) and not original.header.isascii()


def _reason(one: Affected) -> str:
    match one.action:
        case Action.DELIVERED:
            return "The message is in the mailbox."
        case Action.RELAYED:
            where = one.host.split(" ")[0] or "another server"
            return f"The message was handed to {where}, which will not tell you more unless it cannot deliver it."
        case Action.EXPANDED:
            return "This address stands for several others, to which the message was passed on."
    return reason(one.status, gave_up=one.action is Action.FAILED)


def _text_part(kind: str, lines: list[str]) -> list[str]:
    """Lines of ours as a part: in clear where they are ASCII."""
    if all(line.isascii() for line in lines):
        charset = "; charset=us-ascii" if kind.startswith("text/") else ""
        return [f"Content-Type: {kind}{charset}", "", *lines]
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return _encoded(f"{kind}{charset}", "\r\n".join(lines).encode())


def _encoded(kind: str, octets: bytes) -> list[str]:
    body = binascii.b2a_qp(octets, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head = [f"Content-Type: {kind}", "Content-Transfer-Encoding: quoted-printable", ""]
    return [*head, *body.decode("ascii").split("\r\n")]


def _field(name: str, value: str) -> list[str]:
    """Folded before it is too long, but only between words: an address would be another one."""
    return textwrap.wrap(
        f"{name}: {value}", WIDTH, subsequent_indent=" ", break_on_hyphens=False, break_long_words=False
    )


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _typed(address: str) -> str:
    """An address with its type (RFC 3464 §2.3.1, RFC 6533 §3)."""
    return f"{'rfc822' if address.isascii() else 'utf-8'}; {_clean(address)}"


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:MAX_DIAGNOSTIC]


def _ascii(text: str) -> str:
    return _clean(text).encode("ascii", "replace").decode("ascii")
