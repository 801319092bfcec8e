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
