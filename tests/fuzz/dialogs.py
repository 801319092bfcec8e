"""What clients send, to be bent: the dialogs of the transcripts, and words that mean something to each protocol."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st
from tests.transcripts.runner import expand, scripts

FOLDERS = {"mx": "smtp", "submission": "smtp", "lmtp": "smtp", "pop3": "pop3", "imap": "imap"}

ANYWHERE = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b" ",
    b"\t",
    b"." * 3,
    b"\r\n.\r\n",
    b"\n.\n",
    b"\r.\r",
)
PLAIN = b"AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA=="  # alice@example.org, secret
SMTP = (
    b"EHLO c.example\r\n", b"LHLO c.example\r\n", b"HELO c\r\n", b"AUTH PLAIN " + PLAIN + b"\r\n", b"AUTH LOGIN\r\n", PLAIN,
    b"MAIL FROM:<>\r\n", b"MAIL FROM:<alice@example.org> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n",
    b"RCPT TO:<bob@example.org>\r\n", b"RCPT TO:<team@example.org>\r\n", b"RCPT TO:<x@far.example>\r\n", b"DATA\r\n",
    b"Subject: x\r\n\r\n", b"From: a@b\r\n", b".\r\n", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"VRFY bob\r\n", b"*\r\n",
    b"BDAT 5 LAST\r\n", b"GET / HTTP/1.1\r\n", b"<" * 300, b"\"" * 50, b"@[IPv6:::1]",
    b"MAIL FROM:<alice@example.org> HOLDFOR=60 BY=9;RT MT-PRIORITY=-3\r\n", b" HOLDUNTIL=2026-01-01T00:00:00Z", b" BY=-1;N",
    b"XCLIENT ADDR=IPV6:::1 PORT=1 LOGIN=alice@example.org\r\n", b"EXPN team@example.org\r\n",
)  # fmt: skip
POP3 = (
    b"USER alice@example.org\r\n", b"PASS secret\r\n", b"AUTH PLAIN\r\n", PLAIN + b"\r\n", b"CAPA\r\n", b"STAT\r\n", b"LIST\r\n",
    b"LIST 1\r\n", b"RETR 1\r\n", b"TOP 1 99999999999999999999\r\n", b"DELE 1\r\n", b"UIDL\r\n", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n",
    b"STLS\r\n", b"-1", b"00000001", b"*\r\n", b"=", b"UTF8\r\n", b"LANG\r\n", b"LANG es\r\n",
)  # fmt: skip
IMAP = (
    b"a LOGIN alice@example.org secret\r\n", b"a LOGIN {17}\r\n", b"alice@example.org", b"a SELECT INBOX\r\n", b"b FETCH 1:* ",
    b"(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.5>)\r\n", b"c UID SEARCH ", b"OR NOT ALL (SUBJECT x)\r\n", b"d STORE 1 +FLAGS ",
    b"(\\Deleted $x)\r\n", b"e EXPUNGE\r\n", b"f COPY 1 Trash\r\n", b"g APPEND INBOX {5+}\r\n", b"12345", b"h CREATE ", b"&AOk-/x\r\n",
    b"i LIST \"\" *%\r\n", b"j STATUS INBOX (MESSAGES UIDNEXT)\r\n", b"k IDLE\r\n", b"DONE\r\n", b"l LOGOUT\r\n", b"m ENABLE X\r\n",
    b"n STARTTLS\r\n", b"o AUTHENTICATE PLAIN ", PLAIN + b"\r\n", b"(" * 50, b")" * 50, b"{4294967296}\r\n", b"{99999999999999999999+}\r\n",
    b"\"", b"\\", b"4294967295", b"*:1,", b"p NOOP\r\n", b"~{3}\r\n", b"[", b"]", b"NIL", b"q RENAME INBOX x\r\n", b"r DELETE Trash\r\n",
    b"s ENABLE QRESYNC\r\n", b"t SELECT INBOX (QRESYNC (", b"1 1 1:9 (1:4294967295 1:4294967295)))\r\n", b" (CHANGEDSINCE 1 VANISHED)\r\n",
    b" (UNCHANGEDSINCE 3) ", b"MODSEQ \"/flags/x\" all 3\r\n", b"u UNAUTHENTICATE\r\n",
)  # fmt: skip
WORDS = {"mx": SMTP, "submission": SMTP, "lmtp": SMTP, "pop3": POP3, "imap": IMAP}

LOGINS = {
    "mx": b"EHLO c.example\r\n",
    "submission": b"EHLO c.example\r\nAUTH PLAIN " + PLAIN + b"\r\n",
    "lmtp": b"LHLO c.example\r\n",
    "pop3": b"USER alice@example.org\r\nPASS secret\r\n",
    "imap": b"a0 LOGIN alice@example.org secret\r\na00 SELECT INBOX\r\n",
}


@cache
def dialogs(kind: str) -> list[tuple[bytes, ...]]:
    """What the first client of each transcript sends, line by line."""
    found = []
    for script in scripts(FOLDERS[kind]):
        lines = tuple(
            expand(step.text, {})[:100_000] + (b"\r\n" if step.kind == "C" else b"")
            for step in script.steps
            if step.kind in ("C", "C+") and step.connection == 1
        )
        if lines:
            found.append(lines)
    return found


def noise(kind: str) -> st.SearchStrategy[list[bytes]]:
    """Octets, and words that mean something, in any order."""
    word = st.one_of(st.binary(max_size=80), st.sampled_from(WORDS[kind]), st.sampled_from(ANYWHERE))
    pieces = st.lists(st.lists(word, max_size=6).map(b"".join), max_size=8)
    return st.builds(lambda first, rest: [*first, *rest], _beginning(kind), pieces)


def _beginning(kind: str) -> st.SearchStrategy[list[bytes]]:
    return st.sampled_from([[], [LOGINS[kind]], [LOGINS[kind]]])


def bent(kind: str) -> st.SearchStrategy[list[bytes]]:
    """A dialog that a client may well have, but for some things: lines left out, said twice, in another order, or spoilt."""
    known = dialogs(kind)
    twist = st.tuples(
        st.sampled_from(["drop", "twice", "swap", "insert", "cut", "flip", "join"]),
        st.integers(0, 40),
        st.integers(0, 200),
        st.one_of(
            st.sampled_from(WORDS[kind]), st.sampled_from(ANYWHERE), st.sampled_from(known).map(b"".join)
        ),
    )
    lines = st.builds(lambda first, rest: [*first, *rest], _beginning(kind), st.sampled_from(known).map(list))
    return st.builds(_twisted, lines, st.lists(twist, max_size=4))


def _twisted(lines: list[bytes], twists: list[tuple[str, int, int, bytes]]) -> list[bytes]:
    for how, place, inside, word in twists:
        if not lines:
            return [word]
        at = place % len(lines)
        line = lines[at]
        cut = inside % (len(line) + 1)
        match how:
            case "drop":
                del lines[at]
            case "twice":
                lines.insert(at, line)
            case "swap":
                lines[at], lines[-1] = lines[-1], line
            case "insert":
                lines[at] = line[:cut] + word + line[cut:]
            case "cut":
                lines[at] = line[:cut]
            case "flip":
                lines[at] = (
                    line[:cut] + bytes(octet ^ 0x80 for octet in line[cut : cut + 1]) + line[cut + 1 :]
                )
            case "join":
                lines[at:] = [b"".join(lines[at:])]
    return lines
