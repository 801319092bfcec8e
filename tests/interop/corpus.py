"""Messages to ask two servers about: well-formed ones, broken ones (both made with a fixed seed), and those others test with.

Every message has a name, which says where it is from and, for a broken one, what is wrong with it.
"""

from __future__ import annotations

import email.message
import email.policy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

from tests.interop.programs import excuse

INSTALLED = Path("/usr/local/share/correo-interop")  # see `install`
LARGEST = 40_000  # octets; a few are much larger, and say nothing more
WORDS = ("alpha", "beta", "grüße", "größe", "日本", "naïve", '"quoted"', "(comment)", "back\\slash")
DATE = "Mon, 10 Feb 2020 23:59:00 -0800"
CRLF = "\r\n"

T = TypeVar("T")


def messages() -> Iterator[tuple[str, bytes]]:
    """All there are, in an order that does not change."""
    dice = Random(7)
    for number in range(40):
        yield f"made/{number}", well_formed(dice, number)
    yield from all_broken()
    if not INSTALLED.is_dir():
        excuse(f"{INSTALLED} is not there (make test-deps)")
    for path in sorted(INSTALLED.rglob("*")):
        if path.is_file() and path.suffix in (".raw", ".golden", ".txt"):
            octets = path.read_bytes()
            if 0 < len(octets) < LARGEST:
                yield str(path.relative_to(INSTALLED)), octets


def well_formed(dice: Random, number: int) -> bytes:
    fields = [f"From: {_address(dice)}", f"To: {_address(dice)},\r\n {_address(dice)}"]
    fields += [
        f"{name}: {_address(dice)}" for name in ("Cc", "Bcc", "Sender", "Reply-To") if dice.random() < 0.3
    ]
    subject = email.message.EmailMessage(email.policy.SMTP)
    subject["Subject"] = _text(dice, 3).replace("\\", "")
    fields.append(str(subject).strip() + dice.choice(("", "\r\n folded line")))
    fields.append(f"Date: {dice.randint(1, 28)} Feb {dice.choice((2019, 2020, 2021))} 23:59:00 -0800")
    fields += [f"Message-ID: <{number}@gen.example>", "MIME-Version: 1.0", "References: <a@b>\r\n <c@d>"]
    header, body = _entity(dice, 0)
    return "\r\n".join(fields).encode() + b"\r\n" + header + b"\r\n" + body


def _text(dice: Random, count: int) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(count))


def _address(dice: Random) -> str:
    spec = f"u{dice.randrange(9)}@h{dice.randrange(9)}.example"
    forms = (spec, f"<{spec}>", f'"A, B" <{spec}>', f"{spec} (a comment)", f"Group: {spec}, x@y.example;")
    return dice.choice(
        (*forms, "undisclosed-recipients:;", f'"Joe \\"Q\\" P" <{spec}>', f"<@r.example:{spec}>")
    )


def _entity(dice: Random, depth: int) -> tuple[bytes, bytes]:
    kind = dice.random()
    if depth > 3 or kind < 0.4:
        return _leaf(dice)
    if kind < 0.55:
        return b"Content-Type: message/rfc822\r\n", well_formed(dice, 1000 + depth)
    boundary = b"b%d" % dice.randrange(10**6)
    subtype = dice.choice(
        (b"mixed", b"alternative", b'related; type="text/html"', b"report; report-type=delivery-status")
    )
    body = dice.choice((b"", b"preamble\r\n"))
    for _ in range(dice.randint(1, 4)):
        header, part = _entity(dice, depth + 1)
        body += b"--" + boundary + b"\r\n" + header + b"\r\n" + part + b"\r\n"
    return b"Content-Type: multipart/%b; boundary=%b\r\n" % (
        subtype,
        boundary,
    ), body + b"--%b--\r\n" % boundary


def _leaf(dice: Random) -> tuple[bytes, bytes]:
    part = email.message.EmailMessage(email.policy.SMTP)
    text = "\n".join(_text(dice, 6) for _ in range(dice.randint(1, 6))) + "\n"
    if dice.random() < 0.7:
        part.set_content(
            text,
            subtype=dice.choice(("plain", "html")),
            cte=dice.choice(("8bit", "base64", "quoted-printable")),
        )
    else:
        part.set_content(
            bytes(range(256)) * 3, "application", "octet-stream", filename=dice.choice(("f.bin", "a b.txt"))
        )
    if dice.random() < 0.3:
        part["Content-ID"] = f"<{dice.randrange(99)}@id>"
    if dice.random() < 0.3:
        part["Content-Language"] = dice.choice(("en", "de, en"))
    del part["MIME-Version"]
    header, _, body = part.as_bytes().partition(b"\r\n\r\n")
    return header + b"\r\n", body


# Broken ones. Each function makes one kind; it is asked as often as it takes until each of its choices was made.


class Turns(Random):
    """Instead of chance: `choice` takes the options in turn."""

    def __init__(self, kind: str, turn: int) -> None:
        super().__init__(f"{kind} {turn}")
        self.turn = turn
        self.most = 0

    def choice(self, options: Sequence[T]) -> T:  # type: ignore[override]
        self.most = max(self.most, len(options))
        return options[self.turn % len(options)]


Broken = Callable[[Turns], bytes]
BROKEN: dict[str, Broken] = {}


def all_broken() -> Iterator[tuple[str, bytes]]:
    for kind, make in sorted(BROKEN.items()):
        turn, most = 0, 1
        while turn < most:
            turns = Turns(kind, turn)
            yield f"broken/{kind}/{turn}", make(turns)
            turn, most = turn + 1, max(most, turns.most)


def broken(make: Broken) -> Broken:
    BROKEN[make.__name__.strip("_").replace("_", "-")] = make
    return make


def mail(dice: Turns, *fields: str | bytes, body: str | bytes = "One line.\r\n", **other: str) -> bytes:
    """A message whose usual fields are sound; `other` replaces them ("" leaves one out), `fields` follow."""
    number = dice.randrange(10**9)
    usual = {
        "from_": f"From: u{number % 9}@h{number % 7}.example",
        "to": "To: Joe <u2@h3.example>",
        "subject": f"Subject: {dice.choice(('', 'Re: ', 'Fwd: [list] ', 'RE: re: '))}topic {number % 5}",
        "date": f"Date: {DATE}",
        "message_id": f"Message-ID: <{number}@broken.example>",
        "mime": "MIME-Version: 1.0",
    } | other
    lines = [*(line for line in usual.values() if line), *fields]
    octets = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join([*octets, b"", body if isinstance(body, bytes) else body.encode()])


def plain(text: str = "part text") -> str:
    return f"Content-Type: text/plain\r\n\r\n{text}\r\n"


def multipart(dice: Turns, *parts: str, end: str = "--b--\r\n", field: str = "", preamble: str = "") -> bytes:
    body = preamble + "".join(f"--b\r\n{part}" for part in parts) + end
    return mail(dice, field or "Content-Type: multipart/mixed; boundary=b", body=body)


@broken
def _boundary_missing(dice: Turns) -> bytes:
    field = dice.choice(
        (
            "Content-Type: multipart/mixed",
            "Content-Type: multipart/mixed; boundary=",
            'Content-Type: multipart/alternative; boundary=""',
            "Content-Type: multipart/mixed; boundary=absent",
            "Content-Type: multipart/digest; charset=utf-8",
        )
    )
    return multipart(dice, plain("one"), plain("two"), field=field)


@broken
def _end_missing(dice: Turns) -> bytes:
    return multipart(
        dice, plain("one"), plain("two"), end=dice.choice(("", "--b", "--b\r\n", "--b-", "\r\n--"))
    )


@broken
def _end_followed(dice: Turns) -> bytes:
    tail = dice.choice(("epilogue\r\n", "--b\r\n" + plain("late"), "--b--\r\n--b--\r\n", "\r\n\r\n\r\n"))
    return multipart(dice, plain("one"), end=f"--b--\r\n{tail}")


@broken
def _boundary_padded(dice: Turns) -> bytes:
    body = dice.choice(
        ("--b  \r\n{}--b--  \r\n", "--b\t\r\n{}--b--\t\r\n", " --b\r\n{}--b--\r\n", "--b x\r\n{}--b--\r\n")
    )
    return mail(dice, "Content-Type: multipart/mixed; boundary=b", body=body.format(plain()))


@broken
def _boundary_prefix(dice: Turns) -> bytes:
    outer, inner = dice.choice(
        (("b", "bb"), ("bb", "b"), ("b", "b--"), ("x", "x x"), ("long" * 20, "long" * 20 + "er"))
    )
    part = f'Content-Type: multipart/mixed; boundary="{inner}"\r\n\r\n--{inner}\r\n{plain()}--{inner}--\r\n'
    body = f"--{outer}\r\n{part}--{outer}\r\n{plain('last')}--{outer}--\r\n"
    return mail(dice, f'Content-Type: multipart/mixed; boundary="{outer}"', body=body)


@broken
def _boundary_reused(dice: Turns) -> bytes:
    inner = "Content-Type: multipart/alternative; boundary=b\r\n\r\n" + f"--b\r\n{plain('in')}--b--\r\n"
    return multipart(dice, *dice.choice(((inner,), (plain(), inner), (inner, plain()))))


@broken
def _inner_end_missing(dice: Turns) -> bytes:
    inner = f"Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n{plain('in')}"
    return multipart(dice, *dice.choice(((inner,), (inner, plain()), (inner, inner))))


@broken
def _part_empty(dice: Turns) -> bytes:
    empty = dice.choice(("", "\r\n", "\r\n\r\n", "Content-Type: text/html\r\n", "X: y\r\n\r\n"))
    return multipart(dice, *dice.choice(((empty,), (empty, plain()), (plain(), empty, empty))))


@broken
def _part_header_runs_on(dice: Turns) -> bytes:
    part = dice.choice(
        (
            "Content-Type: text/html\r\nno field at all\r\n\r\ntext\r\n",
            "no field at all\r\nX: y\r\n\r\ntext\r\n",
            " folded first\r\nX: y\r\n\r\ntext\r\n",
            "Content-Type : text/html\r\n\r\ntext\r\n",
            ": nameless\r\nContent-Type: text/html\r\n\r\ntext\r\n",
        )
    )
    return multipart(dice, part, plain())


@broken
def _no_parts(dice: Turns) -> bytes:
    return multipart(
        dice, preamble=dice.choice(("", "preamble\r\n")), end=dice.choice(("--b--\r\n", "", "--b--"))
    )


@broken
def _encoding_wrong(dice: Turns) -> bytes:
    name = dice.choice(("x-unknown", "base64 base64", '"base64"', "7-bit", "quoted printable", "BASE64;", ""))
    body = dice.choice(
        ("c29tZSB3b3Jkcw==\r\n", "c29tZSB3b3\r\n", "not base64 at all!\r\n", "=?=3\r\n=ZZ soft=\r\n")
    )
    return mail(dice, f"Content-Transfer-Encoding: {name}", body=body)


@broken
def _encoding_broken(dice: Turns) -> bytes:
    body = dice.choice(
        (
            ("base64", "c29tZSB3b3Jkcw\r\n"),
            ("base64", "c29t!ZSB3\r\n\r\nb3Jkcw==\r\nZm9v\r\n"),
            ("base64", "c29t=ZSB3b3Jkcw==\r\n"),
            ("quoted-printable", "some=20wor=\r\nds=\r\n=ZZ=4\r\n="),
            ("quoted-printable", "gr=C3=BC=C3=9Fe   \r\n=c3=bc\r\n=C3\r\n"),
        )
    )
    kind, text = body
    return mail(
        dice,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {kind}",
        body=text,
    )


@broken
def _encoded_container(dice: Turns) -> bytes:
    encoding = dice.choice(("base64", "quoted-printable", "binary"))
    inner = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\nU3ViamVjdDogaW4KClRleHQK\r\n"
    if dice.choice((True, False)):
        return multipart(dice, inner, plain())
    field = f"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: {encoding}"
    return multipart(dice, plain(), field=field)


@broken
def _octets_in_header(dice: Turns) -> bytes:
    text = dice.choice(
        (b"gr\xfc\xdfe", "grüße".encode(), b"\xff\xfe\xfd", b"\x1b$B%F%9%H\x1b(B", b"\xa4\xa4\xa4\xb3")
    )
    field = dice.choice((b"Subject: ", b"From: ", b"Comments: ", b"Content-Description: "))
    line = field + text + (b" <u1@h1.example>" if field == b"From: " else b"")
    other = {b"Subject: ": {"subject": ""}, b"From: ": {"from_": ""}}.get(field, {})
    return mail(dice, line, **other)


@broken
def _octets_in_body(dice: Turns) -> bytes:
    charset = dice.choice(("utf-8", "iso-8859-1", "us-ascii", "no-such-charset", "utf-16", "shift_jis"))
    return mail(
        dice,
        f"Content-Type: text/plain; charset={charset}",
        body=b"gr\xfc\xdfe gr\xc3\xbc\xc3\x9fe \x83e\x83X\r\n",
    )


@broken
def _nested_messages(dice: Turns) -> bytes:
    depth = dice.choice((2, 3, 8, 20))
    octets = mail(dice, body="innermost\r\n")
    for _ in range(depth):
        octets = mail(dice, "Content-Type: message/rfc822", body=octets)
    return octets


@broken
def _nested_multiparts(dice: Turns) -> bytes:
    depth = dice.choice((2, 5, 15))
    part = plain("innermost")
    for level in range(depth):
        part = (
            f"Content-Type: multipart/mixed; boundary=n{level}x\r\n\r\n--n{level}x\r\n{part}--n{level}x--\r\n"
        )
    return multipart(dice, part)


@broken
def _message_odd(dice: Turns) -> bytes:
    inner = dice.choice(
        (
            "",
            "\r\n",
            "Subject: in",
            "Subject: in\r\n",
            "text without a header\r\nand more\r\n",
            "\r\nonly text\r\n",
        )
    )
    kind = dice.choice(
        ("message/rfc822", "message/global", "message/partial; id=x; number=1", "message/delivery-status")
    )
    return multipart(dice, f"Content-Type: {kind}\r\n\r\n{inner}", plain())


@broken
def _digest(dice: Turns) -> bytes:
    parts = (
        "\r\nSubject: first\r\n\r\ntext\r\n",
        "Content-Type: text/plain\r\n\r\nno message\r\n",
        "\r\n\r\nempty header\r\n",
    )
    return multipart(dice, *dice.sample(parts, 2), field="Content-Type: multipart/digest; boundary=b")


@broken
def _date_broken(dice: Turns) -> bytes:
    date = dice.choice(
        (
            "Date: ",
            "Date: yesterday",
            "Date: 31 Feb 2020 10:00:00 +0000",
            "Date: 10 Feb 2020",
            "Date: 10 Feb 20 10:00 EST",
            "Date: Mon, 10 Feb 120 10:00:00 Z",
            "Date: 2020-02-10T10:00:00Z",
            "Date: Mon 10 Feb 2020 10:00:00 +0000",
            "Date: Tue, 10 Feb 2020 24:61:61 +9999",
            "Date: Mon, 10\r\n Feb (comment) 2020 10:00:00 GMT",
            "Date: 10 Feb 99999 10:00:00 +0000",
            "Date: 10 February 2020 10:00:00 +0000",
            "Date: Mon Feb 10 10:00:00 2020",
            "Date: Mon, 10 Feb 2020 10:00:00 (MST)",
        )
    )
    return mail(dice, date=date)


@broken
def _date_twice(dice: Turns) -> bytes:
    return mail(
        dice, "Date: Sun, 10 Feb 2019 10:00:00 +0000", date=dice.choice((f"Date: {DATE}", "Date: never"))
    )


@broken
def _addresses_broken(dice: Turns) -> bytes:
    address = dice.choice(
        (
            "",
            "<>",
            "<",
            ">",
            "@",
            "user",
            "user@",
            "@host.example",
            "<user@host.example",
            "user@host.example>",
            '"unclosed <user@host.example>',
            "(unclosed user@host.example",
            "user@host@host.example",
            "a b c@host.example",
            "user@[192.0.2.1]",
            "one@h1.example two@h2.example",
            "one@h1.example;, two@h2.example",
            "Group: one@h1.example",
            "Group:;, Other: two@h2.example;;",
            "user @ host . example",
            "user..dots.@host.example",
            "=?utf-8?q?gr=C3=BC=C3=9Fe?= <u1@h1.example>",
            '"=?utf-8?q?quoted?=" <u1@h1.example>',
            "name (with (nested) comment) <u1@h1.example>",
            '"esc\\aped \\" quote"@host.example',
            ",,,u1@h1.example,,",
            "A. B. Dotted <u1@h1.example>",
            "<u1@h1.example> trailing words",
            "mailto:u1@h1.example",
            "u1@h1.example\r\n (folded comment)",
        )
    )
    name = dice.choice(("From", "To", "Cc", "Reply-To", "Sender"))
    other = {"From": {"from_": ""}, "To": {"to": ""}}.get(name, {})
    return mail(dice, f"{name}: {address}", **other)


@broken
def _fields_twice(dice: Turns) -> bytes:
    name, value = dice.choice(
        (
            ("From", "other@h9.example"),
            ("Subject", "other subject"),
            ("To", "second@h9.example"),
            ("Content-Type", "text/html"),
            ("Message-ID", "<other@h9.example>"),
        )
    )
    first = ["Content-Type: text/plain"] if name == "Content-Type" else []
    return mail(dice, *first, f"{name}: {value}")


@broken
def _fields_odd(dice: Turns) -> bytes:
    line = dice.choice(
        (
            "no colon here",
            "Spaced : value",
            ": nameless",
            "X-Empty:",
            "X-Blank:   ",
            "X\xa0Y: value",
            "From nobody Mon Feb 10 10:00:00 2020",
            "X-Fold:\r\n\r\nbody",
            "X-Fold:\r\n \r\n value",
            "X-Tabs:\tone\r\n\ttwo",
            " starts folded",
        )
    )
    return mail(dice, line, "X-After: there")


@broken
def _header_unfinished(dice: Turns) -> bytes:
    return dice.choice(
        (
            b"Subject: no body",
            b"Subject: no body\r\n",
            b"Subject: no body\r\n\r\n",
            b"\r\n",
            b"\r\nonly a body\r\n",
            b"only text\r\n",
            b"X",
            b"Subject: a\r\n b",
        )
    )


@broken
def _line_long(dice: Turns) -> bytes:
    size = dice.choice((999, 5000, 70_00))
    if dice.choice((True, False)):
        return mail(dice, subject="Subject: " + "word " * (size // 5))
    return mail(dice, body="x" * size + "\r\n")


@broken
def _parameters_huge(dice: Turns) -> bytes:
    field = dice.choice(
        (
            f'Content-Type: text/plain; name="{"n" * 3000}"',
            "Content-Type: text/plain" + "".join(f"; p{number}=v{number}" for number in range(60)),
            f"Content-Type: text/plain; {'n' * 500}=value",
            f"Content-Disposition: attachment;\r\n filename={'f' * 1000}.txt",
        )
    )
    return mail(dice, field)


@broken
def _parameters_broken(dice: Turns) -> bytes:
    field = dice.choice(
        (
            "Content-Type: text/plain; charset",
            "Content-Type: text/plain; charset=",
            "Content-Type: text/plain; =utf-8",
            "Content-Type: text/plain;;; charset=utf-8;",
            'Content-Type: text/plain; charset="utf-8',
            "Content-Type: text/plain charset=utf-8",
            "Content-Type: text/plain; charset=utf-8; charset=us-ascii",
            "Content-Type: text/plain; name=two words.txt",
            "Content-Type: text/plain; name=a/b.txt",
            "Content-Type: text",
            "Content-Type: text/",
            "Content-Type: /plain",
            "Content-Type: text/plain/html",
            "Content-Type: ",
            "Content-Type: text / html; charset = utf-8",
            "Content-Type: text/html (comment); charset=utf-8 (comment)",
            "Content-Type: TEXT/HTML; CHARSET=UTF-8",
            "Content-Disposition: attachment; filename",
            "Content-Disposition: ; filename=a",
            "Content-Disposition: attachment filename=a",
            "Content-Disposition: ",
            "Content-Language: en,, de (comment), ",
            "Content-Language: ",
            "Content-Location: http://h.example/\r\n folded path",
            "Content-ID: no brackets",
            "Content-MD5: Q2hlY2s=",
            "Content-Description: =?utf-8?q?gr=C3=BC=C3=9Fe?=",
        )
    )
    return mail(dice, field)


@broken
def _rfc2231(dice: Turns) -> bytes:
    parameters = dice.choice(
        (
            "filename*=utf-8''gr%C3%BC%C3%9Fe.txt",
            "filename*0=one; filename*1=two; filename*2=.txt",
            "filename*1=two; filename*0=one",
            "filename*0*=utf-8'de'gr%C3%BC; filename*1=plain; filename*2*=%C3%9F",
            "filename*0=one; filename*2=gap",
            "filename*=no-quotes",
            "filename*=utf-8''%ZZ%4",
            "filename*00=x; filename*01=y",
            "filename*=iso-8859-1''%FC; filename=fallback.txt",
            "filename*0*=utf-8''%E2%82; filename*1*=%AC",
        )
    )
    return mail(dice, f"Content-Disposition: attachment; {parameters}")


@broken
def _encoded_words(dice: Turns) -> bytes:
    text = dice.choice(
        (
            "=?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_und_mehr?=",
            "=?utf-8?b?Z3LDvA==?= =?utf-8?b?w59l?=",
            "=?utf-8?b?Z3LD?=\r\n =?utf-8?b?vMOfZQ==?=",
            "=?iso-8859-1?Q?gr=FC=DFe?= and =?koi8-r?B?8NLJ18XU?=",
            "=?utf-8?q?split\r\n word?=",
            "=?utf-8?q?not closed",
            "=?utf-8?x?unknown?=",
            "=?no-such?q?charset?=",
            "=?utf-8?q?a?==?utf-8?q?b?=",
            "word=?utf-8?q?inside?=word",
            "=?utf-8?q??=",
            "=?utf-8*de?q?tagged?=",
            "=?utf-8?q?two words?=",
            "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",
            "=?UTF-8?Q?" + "=C3=BC" * 40 + "?=",
        )
    )
    return mail(dice, subject=f"Subject: {text}")


@broken
def _bare_lf(dice: Turns) -> bytes:
    octets = well_formed(dice, dice.randrange(2000, 3000))
    return dice.choice(
        (octets.replace(b"\r\n", b"\n"), octets.replace(b"\r\n", b"\n", 3), octets + b"\nlast\n")
    )


@broken
def _bare_cr(dice: Turns) -> bytes:
    return mail(dice, body=dice.choice(("a\rb\r\n", "\r\r\n\r", "a\r\r\nb\r\n", "line\r", "\rbegins\r\n")))


@broken
def _bare_cr_in_header(dice: Turns) -> bytes:
    return mail(
        dice, subject=dice.choice(("Subject: a\rb", "Subject: a\r\r\n b", "Subject: a\r", "Subject:\ra"))
    )


@broken
def _nul(dice: Turns) -> bytes:
    return mail(dice, subject=dice.choice(("Subject: a\0b", "Subject: ab")), body="a\0b\r\n")


@broken
def _mbox_line(dice: Turns) -> bytes:
    return dice.choice((b"From ", b">From ")) + b"nobody Mon Feb 10 10:00:00 2020\r\n" + mail(dice)


@broken
def _threads(dice: Turns) -> bytes:
    references = dice.choice(
        (
            "References: <a@b> <a@b>",
            "References: no brackets",
            "References: <unclosed",
            "References: <a@b><c@d>",
            "References: <A@B> <c@D>",
            'References: <"quoted"@b> <quoted@b>',
            "In-Reply-To: <c@d>",
            "In-Reply-To: your message of <c@d> from Monday",
            "In-Reply-To: <c@d> <a@b>",
            "References:\r\nIn-Reply-To: <c@d>",
        )
    )
    return mail(dice, references)


@broken
def _subjects(dice: Turns) -> bytes:
    subject = dice.choice(
        (
            "Re: [a] Re: topic 1 (fwd)",
            "[list] topic 1",
            "Fwd: [Fwd: topic 1]",
            "re[2]: topic 1",
            "[a][b]topic 1",
            "[a]",
            "Re:",
            "(fwd)",
            "topic  1\t",
            "=?utf-8?q?Re=3A_topic_1?=",
            "RE : topic 1",
            "Antw: topic 1",
        )
    )
    return mail(dice, subject=f"Subject: {subject}")


@broken
def _message_ids(dice: Turns) -> bytes:
    value = dice.choice(
        (
            "",
            "Message-ID:",
            "Message-ID: no brackets",
            "Message-ID: <a@b> (comment)",
            "Message-ID: <with space@b>",
            'Message-ID: <"q"@b>',
            "Message-ID:\r\n <folded@b>",
        )
    )
    return mail(dice, message_id=value)


@broken
def _mime_version(dice: Turns) -> bytes:
    version = dice.choice(("", "MIME-Version: 2.0", "MIME-Version:"))
    return mail(dice, "Content-Type: text/html", "Content-Disposition: attachment; filename=a", mime=version)
