"""Bounces and other notices: whatever the message was and whatever the other server said, the notice is one that programs can read."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import Message

from tests.fuzz import letters
from tests.fuzz.target import APART, Target, joined, texts

from correo.mail.address import MAX_DOMAIN, Address, BadAddress
from correo.mail.dsn import MAX_LINE, Action, Affected, Notice, Original, delayed, failed, succeeded
from correo.mail.message import Part, decode_body, read_header, scan
from correo.mail.status import Status
from correo.wire.smtp.dsn import original_recipient
from correo.wire.smtp.reply import MAX_LINES, NotSmtp, ReplyReader

NOW, ARRIVED = 1_795_427_580_000_000, 1_795_341_180_000_000
ANA = Address.parse("ana@here.example")
CODES = (250, 421, 450, 550, 599)
ACTIONS = (Action.FAILED, Action.DELIVERED, Action.RELAYED, Action.EXPANDED)


def run(octets: bytes) -> None:
    sender, to, written, said, host, orcpt, message = texts(octets, 7)
    text = octets.split(APART, 6)[-1] if octets.count(APART) >= 6 else message.encode()
    original = _original(_address(sender) or ANA, text, orcpt)
    first = _affected(_address(to) or ANA, written, said, host, orcpt, len(octets))
    affected = (first, _affected(ANA, "", said, "", "", 2))
    make = {"hostname": "here.example", "id": "1kdvdna0100", "now": NOW}
    notices = [failed(original, affected, **make)]  # type: ignore[arg-type]
    notices.append(delayed(original, affected, **make, retry_until=NOW + 1))  # type: ignore[arg-type]
    notices.append(succeeded(original, affected, **make))  # type: ignore[arg-type]
    for notice in notices:
        _read(notice, original, affected)


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except BadAddress:
        return None


def _original(sender: Address, text: bytes, envelope_id: str) -> Original:
    """As a server that took the message would describe it: it refuses line ends of one octet and NUL."""
    text = text.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    header, body = read_header(text)
    whole = text if len(text) % 2 else b""
    subject = (header.first(b"subject") or b"").decode("utf-8", "replace")
    message_id = (header.first(b"message-id") or b"").decode("utf-8", "replace")
    return Original(sender, ARRIVED, message_id, subject, text[:body], envelope_id[:100], whole, NOW)


def _affected(to: Address, written: str, said: str, host: str, orcpt: str, chance: int) -> Affected:
    """As the sessions give it: what was said has been read as a reply, and hosts and recipients have been parsed."""
    code = CODES[chance % len(CODES)]
    reader = ReplyReader()
    reader.feed(f"{code} {said.replace(chr(10), ' ')}\n".encode()[: 4_000 * MAX_LINES])
    reply = reader.next()
    status = Status(code, "", "gone") if reply is None or isinstance(reply, NotSmtp) else reply.status
    name = "".join(
        letter for letter in host if (letter.isascii() and letter.isalnum()) or letter in ".- []:"
    )[:MAX_DOMAIN]
    original = _address(written)
    return Affected(
        to,
        str(original) if original else "",
        status,
        name,
        NOW,
        original_recipient(orcpt),
        ACTIONS[chance % len(ACTIONS)],
    )


def _read(notice: Notice, original: Original, affected: tuple[Affected, ...]) -> None:
    octets = notice.octets
    assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n"), "a line end of one octet"
    assert b"\0" not in octets
    if not original.octets:
        assert max(map(len, octets.split(b"\r\n"))) <= MAX_LINE, "a line is too long to be sent"
    assert notice.eight_bit is (not octets.isascii())
    root = scan(octets)
    assert (root.type, root.subtype) == ("multipart", "report")
    assert len(root.children) == 3, "the original has broken out of its part"
    theirs = email.message_from_bytes(octets, policy=email.policy.compat32)
    assert len(theirs.get_payload()) == 3
    _recipients(octets, root.children[1], theirs, affected)
    header = read_header(octets)[0]
    assert len(header.every(b"to")) == len(header.every(b"subject")) == 1
    assert len(list(header.items())) in (8, 10), "somebody else has put a field into it"


def _recipients(octets: bytes, part: Part, theirs: Message, affected: tuple[Affected, ...]) -> None:
    """One block for each, and no field twice, read by us and by the standard library."""
    report = decode_body(octets, part)
    blocks = [block for block in report.split(b"\r\n\r\n") if block.strip()]
    assert len(blocks) == 1 + len(affected), "what somebody said makes a block of its own"
    for block, one in zip(blocks[1:], affected, strict=True):
        names = [name.lower() for name, _ in read_header(block + b"\r\n\r\n")[0].items()]
        assert len(set(names)) == len(names), "what somebody said makes a field of its own"
        final = read_header(block + b"\r\n\r\n")[0].first(b"final-recipient") or b""
        assert final.partition(b";")[2].strip() == str(one.address.in_a_labels).encode()
    second = theirs.get_payload(1)
    if isinstance(second, Message) and second.get_content_type() == "message/delivery-status":
        assert len(second.get_payload()) == len(blocks)


def seeds() -> Iterator[bytes]:
    said = "5.1.1 <bob@there.example>: no such user"
    for message in [*letters.all_kinds()][::7]:
        yield joined(
            "ana@here.example",
            "bob@there.example",
            "team@here.example",
            said,
            "mx.there.example [192.0.2.1]:25",
            "rfc822;bob+2B",
            message,
        )
    yield joined(
        "gr\u00fcn@m\u00fcller.example",
        "\u00e9@there.example",
        "x@here.example",
        "\u00e9\u2028x",
        "",
        "utf-8;\\x{E9}@x",
        "Subject: \u00e9\r\n\r\n",
    )
    yield joined(
        '"a b"@here.example',
        "bob@m\u00fcller.example",
        "",
        "x" * 900,
        "[192.0.2.1]",
        "x;y",
        "Subject: x\r\nMessage-ID: <a@b>\r\n\r\n--=_1kdvdna0100--\r\n",
    )


TARGET = Target(
    "dsn", ("correo.mail.dsn", "correo.mail.dsn_words", "correo.mail.status"), run, seeds,
    (APART, b"--=_1kdvdna0100\r\n", b"--=_1kdvdna0100--\r\n", b"\r\n\r\n", b"5.7.1 ", b"4.2.2 ", b"\xc2\x85", b"\xe2\x80\xa8", b"Final-Recipient: ",
     b"Action: failed", *letters.WORDS[:30]),
)  # fmt: skip
