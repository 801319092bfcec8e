"""Dovecot as an oracle: both servers are given the same messages and folders and are asked the same, and must answer alike.

What they may answer differently is `alike` below and, with the reasons, docs/imap-differences.md.
"""

from __future__ import annotations

import email.message
import email.policy
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.interop.programs import eventually, path_of
from tests.interop.serving import ALICE, HOST, PASSWORD, UNPRIVILEGED, Correo

PROGRAMS = ("dovecot",)

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%n
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

FETCHES = (
    *(
        "ENVELOPE",
        "BODYSTRUCTURE",
        "BODY",
        "RFC822.SIZE",
        "INTERNALDATE",
        "BODY[]",
        "BODY[HEADER]",
        "BODY[TEXT]",
    ),
    *("RFC822.HEADER", "BODY[HEADER.FIELDS (FROM CONTENT-TYPE X)]", "BODY[HEADER.FIELDS.NOT (FROM DATE)]"),
    *("BODY[]<0.100>", "BODY[]<50.1000>", "BODY[TEXT]<10.20>", "BODY[HEADER]<5.10>", "BODY[]<99999999.5>"),
    *(
        "BODY[HEADER.FIELDS (SUBJECT)]<3.9>",
        "BODY[1]<2.5>",
        "BODY[1]",
        "BODY[1.MIME]",
        "BODY[2]",
        "BODY[2.MIME]",
    ),
    *(
        "BODY[2.HEADER]",
        "BODY[2.TEXT]",
        "BODY[1.2]",
        "BODY[1.2.MIME]",
        "BODY[3]",
        "BODY[9]",
    ),
    *("BODY[3.HEADER.FIELDS (SUBJECT)]", "BODY[3.TEXT]", "BODY[3.2]", "BODY[2.2.HEADER]"),
)
SEARCHES = """ALL;SEEN;UNSEEN;FLAGGED;UNFLAGGED;ANSWERED;UNANSWERED;DRAFT;UNDRAFT;DELETED;UNDELETED;NEW;OLD;RECENT
KEYWORD $Work;KEYWORD $work;UNKEYWORD $WORK;UNKEYWORD nothing;1;*;1:5;5:1;2,4,6:8;30:*;*:1;1:*;999;1:999;UID 1:5;UID 999
UID 999:*;UID *;NOT 1:30;NOT UID 5:*;OR 1 2;OR (1 2) 3;NOT (OR 1 2);(ALL);((1:3) (2:4));SUBJECT alpha;SUBJECT ALPHA
SUBJECT "folded line";SUBJECT "";FROM u1;FROM "h1.example";TO "u2@h3.example";TO "Joe";CC u1;BCC u
HEADER Message-ID gen.example;HEADER message-id "";HEADER Nothing "";HEADER Content-Type multipart;HEADER DATE 2020
HEADER References "a@b>";HEADER References "a@b> <c@d";TEXT "Message-ID";TEXT "alpha";TEXT "GRÖßE";BODY "nowhere"
SUBJECT "grüße";BODY "preamble";LARGER 1000;SMALLER 1000;LARGER 0;SMALLER 0;SINCE 10-Jan-2024;BEFORE 10-Jan-2024
ON 10-Jan-2024;ON "1-Jan-2024";SENTON 9-Feb-2020;SENTBEFORE 1-Jan-2021;SENTSINCE 10-Feb-2020;SENTSINCE 1-Jan-2030
CHARSET US-ASCII SUBJECT alpha;CHARSET "UTF-8" ALL;SUBJECT;OR 1;NOT;();KEYWORD;UID;LARGER x;1:;0;0:3;(SEEN;SEEN);UID 0"""
FOLDERS = """CREATE a/b/c;CREATE x/;CREATE inbox;CREATE INBOX/sub;CREATE "";CREATE /abs;CREATE a//b
CREATE "sp ace";CREATE &AOQ-;CREATE "&-";LIST "" "";LIST "" inbox;LIST "" iNb%;LIST "" "inbox/%";LIST inbox/ %
LIST "" "in*/sub";LIST "" x;LIST "" nothere;LIST "" "&AOQ-";LIST "" x%;SUBSCRIBE a/b/c;SUBSCRIBE INBOX/sub;LSUB "" "*c"
LSUB "" "a/%";LSUB "" "a*";LSUB "a/" "%";LSUB "" "a/%/c";LSUB "" "inbox/%";LSUB "" "a*%";LSUB "" "a%"
UNSUBSCRIBE a/b/c;UNSUBSCRIBE never;DELETE nothere;DELETE INBOX;DELETE a/b/c;RENAME x y;RENAME y y;RENAME nothere z
RENAME y INBOX;RENAME y q/r/s;LIST "" "q/r/*";STATUS q/r/s (MESSAGES RECENT UNSEEN);SELECT nothere;FETCH 1 FLAGS
SELECT q/r/s;FETCH 1:* FLAGS;UID FETCH 1:* FLAGS;SEARCH 1;SEARCH *;STORE 1:* FLAGS ();UID STORE 1:* FLAGS ()
COPY 1:* INBOX;UID COPY 1:* INBOX;EXPUNGE;UID EXPUNGE 1:*;CLOSE;CLOSE;UNSELECT"""

Tree = bytes | tuple[bytes] | list["Tree"]  # an atom, a string however it was sent, a list


class Client:
    """The bare protocol: what is said to one command, response by response."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=20)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        assert self.say(f"LOGIN {ALICE} {PASSWORD}")[-1].startswith(b"OK")

    def say(self, command: str, literal: bytes | None = None) -> list[bytes]:
        """The untagged responses, and last the tagged one without its tag."""
        octets = b"tag " + command.encode()
        if literal is not None:
            octets += b" {%d+}\r\n%b" % (len(literal), literal)
        self._socket.sendall(octets + b"\r\n")
        said = []
        while not (response := self._response()).startswith(b"tag "):
            said.append(response.removeprefix(b"* "))
        return [*said, response.removeprefix(b"tag ")]

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _response(self) -> bytes:
        response = b""
        while True:
            line = self._file.readline()
            assert line, "the server closed"
            response += line
            literal = re.search(rb"\{(\d+)\}\r\n\Z", line)
            if literal is None:
                return response.removesuffix(b"\r\n")
            response += self._file.read(int(literal[1]))


_TOKEN = re.compile(
    rb' *(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|([^ ()"\[{]+(?:\[[^\]]*\](?:<\d+>)?)?))', re.S
)


def tree(octets: bytes) -> list[Tree]:
    """What follows `* 1 FETCH`, taken apart."""
    stack: list[list[Tree]] = [[]]
    at = 0
    while match := _TOKEN.match(octets, at):
        at = match.end()
        if match[1]:
            stack.append([])
        elif match[2]:
            done = stack.pop()
            stack[-1].append(done)
        elif match[4]:
            stack[-1].append((octets[at : at + int(match[4])],))
            at += int(match[4])
        else:
            stack[-1].append(match[5] or (re.sub(rb"\\(.)", rb"\1", match[3]),))
    assert at == len(octets), octets[at:]
    return stack[0]


def alike(answer: Tree) -> Tree:
    """Without what docs/imap-differences.md explains: case and blanks in structures, and how "no such part" is said."""
    match answer:
        case [name, value] if isinstance(name, bytes) and name.startswith(b"BODY["):
            return [name.upper(), (b"",) if value == b"NIL" else value]
        case list():
            return [alike(one) for one in answer]
        case (text,):
            return (text.lower().replace(b"\t", b" "),)
    return answer


def status(answer: list[bytes]) -> list[bytes]:
    """The untagged responses that are data, in any order, and whether it went well."""
    data = [one for one in answer[:-1] if one.startswith((b"LIST", b"LSUB", b"STATUS", b"SEARCH"))]
    return [*sorted(data), answer[-1].split()[0]]


def corpus() -> list[bytes]:
    """Well-formed messages of many shapes; how both guess at broken ones is told in the page of differences."""
    dice = Random(7)
    return [_message(dice, number) for number in range(40)]


WORDS = ("alpha", "beta", "grüße", "größe", "日本", "naïve", '"quoted"', "(comment)", "back\\slash")


def _text(dice: Random, count: int) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(count))


def _address(dice: Random) -> str:
    spec = f"u{dice.randrange(9)}@h{dice.randrange(9)}.example"
    forms = (spec, f"<{spec}>", f'"A, B" <{spec}>', f"{spec} (a comment)", f"Group: {spec}, x@y.example;")
    return dice.choice(
        (*forms, "undisclosed-recipients:;", f'"Joe \\"Q\\" P" <{spec}>', f"<@r.example:{spec}>")
    )


def _message(dice: Random, number: int) -> bytes:
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


def _entity(dice: Random, depth: int) -> tuple[bytes, bytes]:
    kind = dice.random()
    if depth > 3 or kind < 0.4:
        return _leaf(dice)
    if kind < 0.55:
        return b"Content-Type: message/rfc822\r\n", _message(dice, 1000 + depth)
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


@pytest.fixture
def dovecot(tmp_path: Path) -> Iterator[int]:
    """The port of a Dovecot of our own."""
    folder = tmp_path / "dovecot"
    (folder / "mail").mkdir(parents=True)
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    uid, gid, user, group = os.getuid(), os.getgid(), str(os.getuid()), str(os.getgid())
    if uid == 0:
        uid = gid = UNPRIVILEGED
        user, group = "nobody", "nogroup"
        for parent in (folder / "mail", folder, tmp_path, *tmp_path.parents[:2]):
            os.chmod(parent, 0o755)
        os.chown(folder / "mail", uid, gid)
    config = CONFIG.format(
        folder=folder, port=port, uid=uid, gid=gid, user=user, group=group, password=PASSWORD
    )
    (folder / "dovecot.conf").write_text(config)
    process = subprocess.Popen([path_of("dovecot"), "-F", "-c", str(folder / "dovecot.conf")])
    try:
        eventually(lambda: _listens(port), "dovecot is ready")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def test_both_answer_alike(correo: Correo, dovecot: int) -> None:
    ours, theirs = Client(correo.port("imap")), Client(dovecot)
    flags = ("()", "(\\Seen)", "(\\Flagged $Work)", "(\\Answered \\Draft)", "(\\Seen Junk)")
    messages = corpus()
    for number, message in enumerate(messages):
        append = f'APPEND INBOX {flags[number % 5]} "{number % 28 + 1:02d}-Jan-2024 12:30:00 +0000"'
        assert [client.say(append, message)[-1][:2] for client in (ours, theirs)] == [b"OK", b"OK"]
    different: list[str] = []

    def compare(question: str, our: object, their: object) -> None:
        if our != their:
            different.append(f"{question}\n  correo  {our!r}\n  dovecot {their!r}")

    assert [client.say("SELECT INBOX")[-1][:2] for client in (ours, theirs)] == [b"OK", b"OK"]
    for number in range(1, len(messages) + 1):
        for item in FETCHES:
            question = f"FETCH {number} {item.replace('BODY[', 'BODY.PEEK[')}"
            our, their = (_fetched(client.say(question)) for client in (ours, theirs))
            compare(question, our, their)
    for question in re.split("[;\n]", SEARCHES):
        compare(question, *(status(client.say(f"SEARCH {question}")) for client in (ours, theirs)))
    for question in re.split("[;\n]", FOLDERS):
        compare(question, *(status(client.say(question)) for client in (ours, theirs)))
    for client in (ours, theirs):
        client.close()
    assert not different, f"{len(different)} answers differ:\n" + "\n".join(different[:20])


def _fetched(said: list[bytes]) -> list[Tree]:
    assert said[-1].startswith(b"OK"), said
    (response,) = (one for one in said[:-1] if b" FETCH (" in one)
    (items,) = tree(response.partition(b" FETCH ")[2])
    assert isinstance(items, list)
    return [alike(items)]
