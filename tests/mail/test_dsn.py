from __future__ import annotations

import email
import email.policy
from binascii import a2b_qp
from dataclasses import replace
from email.message import EmailMessage, Message
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.address import Address
from correo.mail.dsn import MAX_HEADER, Action, Affected, Notice, Original, delayed, failed, succeeded
from correo.mail.dsn_words import reason
from correo.mail.instant import DAY, HOUR, SECOND, rfc5322_date
from correo.mail.status import Status

NOW = 1_767_225_600 * SECOND
ARRIVED = NOW - HOUR
HEADER = b"From: ana@here.example\r\nSubject: Lunch\r\nMessage-ID: <1@here.example>\r\n\r\n"
ANA = Address.parse("ana@here.example")
MX = "mx.there.example [10.0.0.1]:25"
UNKNOWN = Status(
    550, "5.1.1", "No such user, see https://there.example/why?a-rather-long-link-to-be-folded-somewhere"
)


def original(sender: Address = ANA, subject: str = "Lunch", header: bytes = HEADER) -> Original:
    return Original(sender, ARRIVED, "<1@here.example>", subject, header)


def affected(text: str, alias: str = "", status: Status = UNKNOWN, host: str = MX) -> Affected:
    return Affected(Address.parse(text), alias, status, host, NOW)


def bounce(*who: Affected, about: Original | None = None) -> Notice:
    return failed(about or original(), who, hostname="mail.here.example", id="7abc", now=NOW)


def parsed(notice: Notice) -> EmailMessage:
    return email.message_from_bytes(notice.octets, policy=email.policy.default)


def parts(notice: Notice) -> tuple[EmailMessage, list[Message], EmailMessage]:
    """The text, the blocks of the delivery status, the returned header."""
    message = parsed(notice)
    assert not message.defects
    text, status, returned = (cast(EmailMessage, part) for part in message.iter_parts())
    blocks = status.get_payload()
    assert isinstance(blocks, list)
    return text, [cast(Message, block) for block in blocks], returned


def test_the_header() -> None:
    message = parsed(bounce(affected("bob@there.example")))
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mail.here.example>"
    assert message["To"] == "ana@here.example"
    assert message["Subject"] == "Could not be delivered: Lunch"
    assert f"Date: {rfc5322_date(NOW)}\r\n".encode() in bounce(affected("bob@there.example")).octets
    assert message["Message-ID"] == "<7abc@mail.here.example>"
    assert message["In-Reply-To"] == message["References"] == "<1@here.example>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"


def test_the_text_says_who_and_why_and_what_the_other_server_said() -> None:
    text, _, _ = parts(bounce(affected("bob@there.example")))
    words = " ".join(text.get_content().split())
    assert "could not be delivered to: bob@there.example" in words
    assert "There is no such address." in words
    assert "mx.there.example answered: 550 5.1.1 No such user" in words
    assert "Subject: Lunch" in words
    assert text.get_content_charset() == "us-ascii"


def test_the_status_for_programs() -> None:
    _, (message, recipient), _ = parts(bounce(affected("bob@there.example")))
    assert dict(message.items()) == {
        "Reporting-MTA": "dns; mail.here.example",
        "Arrival-Date": rfc5322_date(ARRIVED),
    }
    assert recipient["Original-Recipient"] is None
    assert recipient["Final-Recipient"] == "rfc822; bob@there.example"
    assert recipient["Action"] == "failed"
    assert recipient["Status"] == "5.1.1"
    assert recipient["Remote-MTA"] == "dns; mx.there.example"
    assert " ".join(recipient["Diagnostic-Code"].split()) == f"smtp; {UNKNOWN}"
    assert recipient["Last-Attempt-Date"] == rfc5322_date(NOW)
    assert recipient["Will-Retry-Until"] is None


def test_several_recipients_in_one_notice_and_the_alias_that_led_there() -> None:
    full = Status(452, "4.2.2", "full")
    text, blocks, _ = parts(
        bounce(affected("bob@there.example", "team@here.example"), affected("eva@there.example", status=full))
    )
    assert [block["Final-Recipient"] for block in blocks[1:]] == [
        "rfc822; bob@there.example",
        "rfc822; eva@there.example",
    ]
    assert blocks[1]["Original-Recipient"] is None  # RFC 3461 §6.3 d: the sender gave none
    assert (blocks[2]["Action"], blocks[2]["Status"]) == ("failed", "4.2.2")
    words = " ".join(text.get_content().split())
    assert "team@here.example (which leads to bob@there.example)" in words
    assert "again and again" in words


def test_what_we_say_ourselves_does_not_look_like_an_answer() -> None:
    text, (_, block), _ = parts(
        bounce(affected("bob@there.example", status=Status(451, "4.4.1", "no connection"), host=""))
    )
    assert block["Remote-MTA"] is None
    assert block["Diagnostic-Code"] == "X-Correo; 451 4.4.1 no connection"
    assert "answered" not in text.get_content()
    assert "no connection" in text.get_content()


def test_a_status_without_enhanced_code() -> None:
    _, (_, block), _ = parts(bounce(affected("bob@there.example", status=Status(550, "", "no"))))
    assert block["Status"] == "5.0.0"


def test_a_warning() -> None:
    status = Status(451, "4.7.1", "greylisted")
    until = NOW + 5 * DAY
    notice = delayed(
        original(),
        [affected("bob@there.example", status=status)],
        hostname="mail.here.example",
        id="1",
        now=NOW,
        retry_until=until,
    )
    text, (_, block), _ = parts(notice)
    assert parsed(notice)["Subject"] == "Delayed: Lunch"
    assert (block["Action"], block["Status"]) == ("delayed", "4.7.1")
    assert block["Will-Retry-Until"] == rfc5322_date(until)
    words = " ".join(text.get_content().split())
    assert "do not send it again" in words
    assert rfc5322_date(until) in words
    assert "again and again" not in words


def test_the_original_header_comes_back() -> None:
    _, _, returned = parts(bounce(affected("bob@there.example")))
    assert returned.get_content_type() == "text/rfc822-headers"
    header = email.message_from_string(str(returned.get_payload()))
    assert header["Subject"] == "Lunch"


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: caf\xc3\xa9\r\n\r\n",
        b"Subject: \xff\xfe\r\n\r\n",
        b"X: " + b"y" * 5000 + b"\r\n\r\n",
        b"X: \0\r\n",
        b"",
    ],
    ids=["utf-8", "binary", "long", "nul", "empty"],
)
def test_a_header_that_is_not_clean_is_encoded(header: bytes) -> None:
    notice = bounce(affected("bob@there.example"), about=original(header=header))
    assert_seven_bit(notice)
    _, _, returned = parts(notice)
    assert cast(bytes, returned.get_payload(decode=True)).rstrip() == header.rstrip()


def test_a_huge_header_is_cut_at_the_end_of_a_line() -> None:
    notice = bounce(
        affected("bob@there.example"), about=original(header=b"X-Line: abc\r\n" * 10_000 + b"\r\n")
    )
    _, _, returned = parts(notice)
    lines = str(returned.get_payload()).splitlines()
    assert MAX_HEADER - 100 < sum(len(line) + 2 for line in lines) <= MAX_HEADER
    assert set(lines) == {"X-Line: abc"}


def test_addresses_beyond_ascii() -> None:
    notice = bounce(affected("b\u00f6b@b\u00fccher.example"))
    assert not notice.utf8
    assert_seven_bit(notice)
    text, status, returned = parsed(notice).iter_parts()
    assert status.get_content_type() == "message/global-delivery-status"
    assert returned.get_content_type() == "message/global-headers"
    assert b"Final-Recipient: utf-8; b\xc3\xb6b@b\xc3\xbccher.example\r\n" in decoded(notice, 2)
    assert "b\u00f6b@b\u00fccher.example" in text.get_content()


def decoded(notice: Notice, number: int) -> bytes:
    """The body of a part with its encoding undone, which the library does not do for message/..."""
    raw = notice.octets.split(b"--=_7abc\r\n")[number]
    head, _, body = raw.partition(b"\r\n\r\n")
    part = email.message_from_bytes(
        head.replace(b"message/global-delivery-status", b"text/plain") + b"\r\n\r\n" + body
    )
    return cast(bytes, part.get_payload(decode=True))


def test_a_domain_beyond_ascii_goes_in_a_labels() -> None:
    notice = bounce(
        affected("bob@b\u00fccher.example"), about=original(Address.parse("ana@caf\u00e9.example"))
    )
    assert not notice.utf8
    assert_seven_bit(notice)
    assert b"To: <ana@xn--caf-dma.example>\r\n" in notice.octets
    assert b"Final-Recipient: rfc822; bob@xn--bcher-kva.example\r\n" in notice.octets


def test_a_sender_beyond_ascii_needs_smtputf8() -> None:
    notice = bounce(affected("bob@there.example"), about=original(Address.parse("\u00e1na@here.example")))
    assert notice.utf8
    assert "To: <\u00e1na@here.example>\r\n".encode() in notice.octets


def test_a_subject_beyond_ascii() -> None:
    notice = bounce(affected("bob@there.example"), about=original(subject="Caf\u00e9 \u2615 " * 30))
    assert_seven_bit(notice)
    assert parsed(notice)["Subject"].startswith("Could not be delivered: Caf\u00e9 \u2615")


def assert_seven_bit(notice: Notice) -> None:
    assert notice.octets.isascii()
    assert b"\0" not in notice.octets
    assert b"\n" not in notice.octets.replace(b"\r\n", b"")
    assert b"\r" not in notice.octets.replace(b"\r\n", b"")
    assert max(map(len, notice.octets.split(b"\r\n"))) <= 998


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=300), st.text(max_size=2000), st.binary(max_size=300))
def test_nothing_from_elsewhere_adds_a_field_or_a_part(subject: str, reply: str, header: bytes) -> None:
    about = Original(ANA, ARRIVED, subject, subject, header)
    notice = bounce(affected("bob@there.example", status=Status(550, "5.1.1", reply)), about=about)
    assert_seven_bit(notice)
    _, blocks, _ = parts(notice)
    assert set(parsed(notice).keys()) <= {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version",
        "Content-Type",
    }  # fmt: skip
    assert len(blocks) == 2
    assert blocks[1].keys() == [
        "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date",
    ]  # fmt: skip


@pytest.mark.parametrize("line", [b"--=_7abc", b"--=_7abc--", b"--=_7abc_0"])
def test_a_sender_who_foresees_the_boundary_adds_no_part(line: bytes) -> None:
    """Lines in a header that are no fields go back as well, and so does the text where it was asked for."""
    forged = line + b"\r\nContent-Type: text/html\r\n\r\n<b>Log in again</b>\r\n"
    for octets in (b"", HEADER + forged):
        about = replace(original(header=HEADER[:-2] + forged), octets=octets)
        notice = bounce(affected("bob@there.example"), about=about)
        _, _, returned = parts(notice)
        assert b"Log in again" in returned.as_bytes()
        assert parsed(notice).get_boundary() != "=_7abc"


def test_lines_of_ours_are_short() -> None:
    notice = bounce(affected("bob@there.example"), affected("eva@there.example", "team@here.example"))
    assert max(map(len, notice.octets.split(b"\r\n"))) <= 78


def test_long_addresses_and_answers_stay_whole() -> None:
    long = "a" * 200 + "@there.example"
    notice = bounce(affected(long, status=Status(550, "5.1.1", "x" * 2_000)))
    _, blocks, _ = parts(notice)
    assert "".join(blocks[1]["Final-Recipient"].split()) == f"rfc822;{long}"
    assert f"    {long}\r\n".encode() in notice.octets
    assert max(map(len, notice.octets.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(550, "5.1.1", ""), "no such address"),
        (Status(556, "5.1.10", ""), "takes no mail at all"),
        (Status(550, "5.1.99", ""), "wrong with the address"),
        (Status(550, "5.7.26", ""), "unwanted mail"),
        (Status(550, "", ""), "refuses this message"),
        (Status(451, "", ""), "did not take the message"),
    ],
)
def test_reasons(status: Status, words: str) -> None:
    assert words in reason(status, gave_up=False)


def test_what_the_sender_named_is_repeated_to_him() -> None:
    """RFC 3461 §6.3 a and d: decoded, and only where he named it."""
    one = replace(affected("bob@there.example"), orcpt=("rfc822", "Bob+x@There.Example"))
    _, blocks, _ = parts(bounce(one, about=replace(original(), envelope_id="QQ 314=159")))
    assert blocks[0]["Original-Envelope-Id"] == "QQ 314=159"
    assert blocks[1]["Original-Recipient"] == "rfc822; Bob+x@There.Example"
    assert parts(bounce(affected("bob@there.example")))[1][0]["Original-Envelope-Id"] is None


def test_an_original_recipient_beyond_ascii() -> None:
    one = replace(affected("bob@there.example"), orcpt=("utf-8", "jos\u00e9@there.example"))
    notice = bounce(one)
    status = list(parsed(notice).iter_parts())[1]
    assert status.get_content_type() == "message/global-delivery-status"
    assert b"utf-8; jos=C3=A9@there.example" in status.as_bytes()


@pytest.mark.parametrize(
    ("actions", "title", "words"),
    [
        ([Action.DELIVERED], "Delivered", "is in the mailbox"),
        ([Action.RELAYED], "Passed on", "handed to mx.there.example"),
        ([Action.EXPANDED, Action.DELIVERED], "Passed on", "stands for several"),
    ],
)
def test_success(actions: list[Action], title: str, words: str) -> None:
    done = Status(250, "2.1.5", "Ok")
    some = [
        Affected(
            Address.parse(f"bob{number}@there.example"),
            "",
            done,
            MX if action is Action.RELAYED else "",
            NOW,
            action=action,
        )
        for number, action in enumerate(actions)
    ]
    notice = succeeded(original(), some, hostname="mail.here.example", id="7abc", now=NOW)
    text, blocks, returned = parts(notice)
    assert parsed(notice)["Subject"] == f"{title}: Lunch"
    assert [block["Action"] for block in blocks[1:]] == [action.value for action in actions]
    assert {block["Status"] for block in blocks[1:]} == {"2.1.5"}
    assert (blocks[1]["Remote-MTA"] is None) == (actions[0] is not Action.RELAYED)
    assert (blocks[1]["Diagnostic-Code"] is None) == (actions[0] is not Action.RELAYED)
    assert words in " ".join(text.get_content().split())
    assert returned.get_content_type() == "text/rfc822-headers"
    assert max(map(len, notice.octets.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("body", "eight_bit"),
    [(b"Hello\r\n", False), ("na\u00efve\r\n".encode(), True), (b"\xff\xfe\r\n", True), (b"", False)],
)
def test_the_whole_message_comes_back_unchanged(body: bytes, eight_bit: bool) -> None:
    octets = HEADER + body
    notice = bounce(affected("bob@there.example"), about=replace(original(), octets=octets))
    _, _, returned = parts(notice)
    assert returned.get_content_type() == "message/rfc822"
    assert octets in notice.octets
    assert (notice.eight_bit, notice.utf8) == (eight_bit, False)


def test_a_whole_message_with_a_header_beyond_ascii_comes_back_without_smtputf8() -> None:
    """A server that does not have it would refuse the notice, and nobody would ever hear of the failure."""
    header = "Subject: na\u00efve\r\n\r\n".encode()
    octets = header + b"x \r\n.\r\n\xff\r\n"
    notice = bounce(affected("bob@there.example"), about=replace(original(header=header), octets=octets))
    assert (notice.eight_bit, notice.utf8) == (False, False)
    _, _, body = notice.octets.partition(b"Content-Type: message/global\r\n")
    assert body.startswith(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n")
    encoded = body.split(b"\r\n\r\n", 1)[1].rpartition(b"\r\n--")[0]
    assert a2b_qp(encoded) == octets


@pytest.mark.parametrize("body", [b"x" * 1_000, b"a\0b"])
def test_what_no_server_would_take_is_left_out(body: bytes) -> None:
    notice = bounce(affected("bob@there.example"), about=replace(original(), octets=HEADER + body + b"\r\n"))
    assert parts(notice)[2].get_content_type() == "text/rfc822-headers"
