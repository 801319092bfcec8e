"""Nobody relays through us: every form an address can take, from every sender, with every spelling (RFC 5321 §7.1)."""

from __future__ import annotations

import pytest
from tests.receive.test_receive_session import House, house

from correo.receive.options import Limits, Profile

__all__ = ["house"]  # the fixture

VICTIM = "victim@example.com"
SENDERS = (
    "",
    "alice@example.org",
    "nobody@example.org",
    VICTIM,
    "Alice@EXAMPLE.ORG",
    '"alice@example.org"@example.com',
    "alice@[192.0.2.9]",
    "postmaster@mail.example.org",
    "root@localhost",
    "@example.org:victim@example.com",
)
FORMS = (
    "victim@example.com",
    "VICTIM@EXAMPLE.COM",
    "ViCtIm@ExAmPlE.cOm",
    "victim@example.com.",
    "victim@example.com..",
    "victim@EXAMPLE.COM.",
    '"victim"@example.com',
    '"vic\\tim"@example.com',
    # the percent hack, nested and quoted
    "victim%example.com@example.org",
    "victim%example.com%example.org@example.org",
    "victim%example.com@EXAMPLE.ORG.",
    '"victim%example.com"@example.org',
    "victim%example.com",
    # at-signs, quoted and not
    '"victim@example.com"@example.org',
    '"victim\\@example.com"@example.org',
    "victim\\@example.com@example.org",
    "victim@example.com@example.org",
    '"victim@example.com"',
    # bang paths
    "example.com!victim@example.org",
    "example.com!victim",
    "example.org!example.com!victim@example.org",
    "@example.org!example.com!victim",
    # source routes
    "@example.org:victim@example.com",
    "@example.org,@example.com:victim@example.com",
    "@[192.0.2.9]:victim@example.com",
    "@example.org:@example.org:victim@example.com",
    "@example.org:victim%example.com@example.org",
    # address literals: anybody's, and ours
    "victim@[192.0.2.250]",
    "victim@[192.0.2.9]",
    "victim@[127.0.0.1]",
    "victim@[IPv6:2001:db8::250]",
    "victim@[IPv6:::1]",
    "victim@192.0.2.250",
    "victim@localhost",
    "victim@mail.example.org",
    "victim@[example.com]",
    "@[192.0.2.9]:victim@[192.0.2.250]",
    # names below, above and beside ours
    "alice@sub.example.org",
    "alice@org",
    "alice@xexample.org",
    "alice@example.orgx",
    "alice@example.org.example.com",
    "alice@example.org%example.com",
    "alice@example.org@example.com",
    "alice@example.org,victim@example.com",
    "alice@example.org;victim@example.com",
    "alice@example.org victim@example.com",
    "alice@example.org><victim@example.com",
    # letters that look like others, and line ends in disguise
    "alice@ex\u0430mple.org",
    "alice@example\u3002org.example.com",
    "victim@example\uff0ecom",
    "victim@\uff45xample.com",
    "victim\uff20example.com@example.org",
    "victim@example.com\u2028@example.org",
    "victim\u200b@example.com",
    "xn--victim@xn--exmple-4nf.org",
    # our address and our name as the place to come from: what is left of the tests of abuse.net
    "victim%example.com@[192.0.2.9]",
    "victim%example.com@mail.example.org",
    '"victim%example.com"',
    '"victim%example.com"@[192.0.2.9]',
    "victim@example.com@[192.0.2.9]",
    "victim@example.com@mail.example.org",
    '"victim@example.com"@[192.0.2.9]',
    '"victim@example.com"@mail.example.org',
    "example.com!victim@[192.0.2.9]",
    "example.com!victim@mail.example.org",
    "@mail.example.org:victim@example.com",
    "@[192.0.2.9]:victim%example.com@[192.0.2.9]",
    "postmaster%example.com@example.org",
    "postmaster@example.com",
    "postmaster@[192.0.2.250]",
    # what sendmail once made something of: routes in other words, other networks, comments, blanks, programs and files
    "@example.org@example.com:victim@example.com",
    "@example.org:@:victim@example.com",
    "@:victim@example.com",
    "@example.com",
    "victim@",
    "victim@@example.com",
    "victim@@example.org",
    "victim%@example.org",
    "%example.com@example.org",
    "victim%%example.com@example.org",
    "victim%example.com!other@example.org",
    "example.com:victim@example.org",
    "example.com::victim",
    "example.com::victim@example.org",
    "victim@example.com:alice@example.org",
    "victim(alice@example.org)@example.com",
    "(alice@example.org)victim@example.com",
    "victim@example.com(alice@example.org)",
    "victim @example.com",
    "victim@ example.com",
    "victim@example.com ",
    "victim\t@example.com",
    '"victim@example.com" <alice@example.org>',
    "alice@example.org <victim@example.com>",
    "victim@example.com>,<alice@example.org",
    '"|/bin/mail victim@example.com"@example.org',
    "|/bin/mail victim@example.com",
    "/var/mail/victim",
    '"/var/mail/victim"@example.org',
    ":include:/etc/passwd",
    "\\victim",
    "\\victim@example.org",
    "alice@.example.org",
    "alice@example..org",
    "alice.@example.org@example.com",
    "=?utf-8?q?victim=40example.com?=@example.org",
    "victim+40example.com@example.org",
    "victim=40example.com@example.org",
    "victim=example.com@example.org",
    "victim#example.com@example.org",
    "victim,example.com@example.org",
    "alice%example.org@example.com",
    "alice\x00@example.com",
    "victim@example.com\x7f",
    "victim@1.2.3.4.example.com",
    "victim@3221226234",
    "victim@[3221226234]",
    "victim@0xc0.0.2.250",
)
NAMES = (
    "mail.example.org",
    "example.org",
    "localhost",
    "[127.0.0.1]",
    "[192.0.2.9]",
    "[IPv6:::1]",
    "alice@example.org",
)
# Ways to have a server send, or to say who one is, that are not for strangers (RFC 821 §3.8, RFC 1985, RFC 2645, sendmail's own).
VERBS = (
    "SEND FROM:<alice@example.org>",
    "SOML FROM:<alice@example.org>",
    "SAML FROM:<alice@example.org>",
    "TURN",
    "ETRN example.com",
    "ETRN @example.com",
    "ATRN example.com",
    "XCLIENT ADDR=127.0.0.1 LOGIN=alice@example.org",
    "XFORWARD ADDR=127.0.0.1",
    "XEXCH50 1 2",
    "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==",
    "WIZ",
    "DEBUG",
    "VERB",
    "ONEX",
    "EXPN victim@example.com",
)


@pytest.mark.parametrize("form", FORMS)
async def test_nobody_relays(form: str, house: House) -> None:
    for profile in (Profile.MX, Profile.LMTP):
        dialog = house.dialog(profile, limits=Limits(errors=1000))
        await dialog.begin()
        await dialog.say(b"LHLO x\r\n" if profile is Profile.LMTP else b"EHLO x\r\n")
        for sender in SENDERS:
            for utf8 in ("", " SMTPUTF8"):
                said = await dialog.say(f"MAIL FROM:<{sender}>{utf8}\r\n".encode())
                assert said == ["250 2.1.0 Ok"]
                for path in (f"<{form}>", form):
                    (answer,) = await dialog.say(f"RCPT TO:{path}\r\n".encode())
                    assert answer[0] == "5", (sender, utf8, path, answer)
                (answer,) = await dialog.say(b"DATA\r\n")
                assert answer.startswith("503")
                await dialog.say(b"RSET\r\n")
    assert await house.rows("SELECT id FROM queue_recipient") == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parameters", ["", " AUTH=alice@example.org", " AUTH=<>", " BODY=8BITMIME"])
async def test_nobody_relays_by_being_called_like_us(name: str, parameters: str, house: House) -> None:
    for hello in ("HELO", "EHLO"):
        dialog = house.dialog()
        await dialog.begin()
        await dialog.say(f"{hello} {name}\r\n".encode())
        await dialog.say(f"MAIL FROM:<alice@example.org>{parameters}\r\n".encode())
        (answer,) = await dialog.say(f"RCPT TO:<{VICTIM}>\r\n".encode())
        assert answer[0] == "5"
    assert await house.rows("SELECT id FROM queue_recipient") == []


@pytest.mark.parametrize("verb", VERBS)
async def test_no_other_command_opens_a_way(verb: str, house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(b"EHLO x\r\n")
    assert (await dialog.say(f"{verb}\r\n".encode()))[-1][0] == "5"
    (_, answer) = await dialog.say(f"MAIL FROM:<alice@example.org>\r\nRCPT TO:<{VICTIM}>\r\n".encode())
    assert answer == "550 5.7.1 Relaying denied"


@pytest.mark.parametrize(
    "sender",
    [
        "bob@example.org",
        "alice@example.com",
        "alice@sub.example.org",
        "alice%example.org@example.com",
        "bob%example.org@example.org",
        '"alice@example.org"@example.com',
        '"bob@example.org"@example.org',
        "@example.org:bob@example.org",
        "@alice:bob@example.org",
        "alice@[192.0.2.9]",
        "alice@mail.example.org",
        "alice@localhost",
        "alice@ex\u0430mple.org",
        "\u0430lice@example.org",
        "alice@example.org@example.com",
        "alice@example.com,alice@example.org",
        "alice@example.org><alice@example.com",
    ],
)
async def test_who_logged_in_sends_under_no_name_but_his_own(sender: str, house: House) -> None:
    dialog = await house.logged_in()
    for utf8 in ("", " SMTPUTF8"):
        answer = (await dialog.say(f"MAIL FROM:<{sender}>{utf8}\r\n".encode()))[-1]
        assert answer[0] == "5", answer
        (answer,) = await dialog.say(f"RCPT TO:<{VICTIM}>\r\n".encode())
        assert answer.startswith("503")


@pytest.mark.parametrize(
    "form",
    [
        "alice@example.org",
        "ALICE@Example.ORG",
        "alice@example.org.",
        "@example.com:alice@example.org",
        "alice@\uff45xample.org",
    ],
)
async def test_our_own_in_any_spelling_are_ours(form: str, house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    await dialog.say(b"EHLO x\r\n")
    said = await dialog.say(f"MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<{form}>\r\n".encode())
    assert said == ["250 2.1.0 Ok", "250 2.1.5 Ok"]


async def test_before_login_submission_takes_nothing_for_anybody(house: House) -> None:
    dialog = house.dialog(Profile.SUBMISSION, allow_plaintext=True, limits=Limits(errors=1000))
    await dialog.begin()
    await dialog.say(b"EHLO x\r\n")
    for sender in SENDERS:
        (answer,) = await dialog.say(f"MAIL FROM:<{sender}>\r\n".encode())
        assert answer.startswith("530 5.7.0")
