"""Every kind of notice as programs of others read it: the parser of the standard library, and the one that Mailman has for bounces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage, Message
from quopri import decodestring

import pytest
from flufl.bounce import all_failures
from tests.journeys.far import Far
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.mail.instant import DAY, HOUR

ALICE, JUERGEN = "alice@here.example", "jürgen@here.example"
EVERYTHING = " NOTIFY=SUCCESS,FAILURE,DELAY"
FIELDS = {"Final-Recipient", "Action", "Status"}  # RFC 3464 §2.3: what there has to be
ACTIONS = {"failed", "delayed", "delivered", "relayed", "expanded"}


@dataclass(frozen=True)
class Notice:
    """Read without a word of our own code."""

    message: EmailMessage
    about: Message  # the block for the message
    each: Sequence[Message]  # those for the recipients
    kind: str

    @classmethod
    def read(cls, raw: bytes) -> Notice:
        parsed = message_from_bytes(raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        parts = list(parsed.iter_parts())
        assert [defect for part in (parsed, *parts) for defect in part.defects] == []
        assert parsed.get_content_type() == "multipart/report"  # RFC 6522 §3
        assert parsed.get_param("report-type") == "delivery-status"
        assert [str(field) for field in parsed["From"].addresses]
        assert parsed["Auto-Submitted"] == "auto-replied"
        assert parsed["Return-Path"] == "<>"
        people, programs, returned = parts
        assert people.get_content_type() == "text/plain"
        assert returned.get_content_type() in RETURNED
        kind = programs.get_content_type()
        if kind == "message/delivery-status":
            blocks = [block for block in programs.get_payload() if not isinstance(block, str)]
        else:  # which the standard library does not know
            assert kind == "message/global-delivery-status"  # RFC 6533 §3
            text = _text(programs)
            blocks = [
                message_from_string(block) for block in text.replace("\r\n", "\n").strip().split("\n\n")
            ]
        about, *each = blocks
        assert about["Reporting-MTA"].startswith("dns; ")  # RFC 3464 §2.2.2
        assert each
        for block in each:
            assert set(block.keys()) >= FIELDS
            assert block["Action"] in ACTIONS
            assert block["Status"][0] in CLASSES[block["Action"]]
        return cls(parsed, about, each, kind)

    @property
    def actions(self) -> set[tuple[str, str]]:
        return {(block["Action"], block["Final-Recipient"].partition(";")[2].strip()) for block in self.each}


def _text(part: Message) -> str:
    """Decoded; the standard library takes any message/* for a message."""
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) else part
    assert isinstance(inner, Message)
    lines = inner.as_bytes(policy=policy.SMTP) if inner is not part else part.get_payload(decode=True)
    assert isinstance(lines, bytes)
    return decodestring(lines).decode()


RETURNED = {"text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global"}
CLASSES = {"failed": "45", "delayed": "4", "delivered": "2", "relayed": "2", "expanded": "2"}


def answer(line: str) -> str | None:
    """By the name of the recipient."""
    for name, reply in {
        "never": "550 5.1.1 no such user",
        "later": "451 4.7.1 not now",
        "full": "452 4.2.2 mailbox full",
        "many": "552 5.2.2 mailbox full for good",
    }.items():
        if line.startswith(f"RCPT TO:<{name}"):
            return reply
    return None


async def house(town: Town) -> Server:
    """Where jürgen@ and alice@ live, and a list; beyond it servers with and without DSN."""
    here = await town.server("mail.here.example", "here.example", "alice", "jürgen", "carol")
    await here.alias("team@here.example", "carol@here.example", "dave@plain.example")
    town.far("plain.example", Far(answer, ("PIPELINING", "SMTPUTF8")))
    town.far("dsn.example", Far(answer, ("PIPELINING", "SMTPUTF8", "DSN")))
    return here


@live
async def test_one_message_and_all_that_can_become_of_it(town: Town) -> None:
    here = await house(town)
    recipients = {
        "carol@here.example": ["delivered"],
        "team@here.example": ["expanded"],
        "bob@plain.example": ["relayed"],
        "bob@dsn.example": [],  # that server tells, or the one behind it
        "never@dsn.example": ["failed"],
        "many@plain.example": ["failed"],
        "later@plain.example": ["delayed", "failed"],
        "full@dsn.example": ["delayed", "failed"],
        "x@nowhere.example": ["failed"],
    }
    start = town.clock.now()
    said = await here.send(ALICE, list(recipients), mail=" ENVID=one", rcpt=EVERYTHING)
    await town.wait("6d")
    notices = [Notice.read(raw) for raw in await here.inbox(ALICE)]
    told = Counter(pair for notice in notices for pair in notice.actions)
    assert told == {(action, name): 1 for name, actions in recipients.items() for action in actions}
    assert {notice.about["Original-Envelope-Id"] for notice in notices} == {"one"}
    (journey,) = await here.trace(said.id)
    at = {(entry.recipient, entry.event.value): entry.at - start for entry in journey.entries}
    for name in ("later@plain.example", "full@dsn.example"):
        assert 4 * HOUR <= at[name, "warned"] < 4 * HOUR + HOUR // 60
        assert 5 * DAY <= at[name, "bounced"] < 5 * DAY + HOUR // 60
    for name in ("never@dsn.example", "many@plain.example", "x@nowhere.example"):
        assert at[name, "bounced"] < HOUR // 60
    balance = await here.balance()
    assert (balance.delivered, balance.relayed, balance.bounced) == (2 + len(notices), 3, 5)
    assert (balance.queued_in_queue, balance.difference) == (0, 0)


@live
async def test_who_looks_for_bounces_finds_the_same(town: Town) -> None:
    here = await house(town)
    names = (
        "never@dsn.example",
        "many@plain.example",
        "later@plain.example",
        "carol@here.example",
        "bob@plain.example",
    )
    # Nothing else that looks like an address: the last of its heuristics takes what stands between commas.
    text = b"From: alice@here.example\r\nTo: friends:;\r\nSubject: hello\r\n\r\nhello\r\n"
    for ret in ("", " RET=FULL", " RET=HDRS ENVID=a+2Bb"):
        await here.send(ALICE, names, text, mail=ret, rcpt=EVERYTHING)
    await town.wait("6d")
    found = Counter[tuple[str, frozenset[bytes]]]()
    for raw in await here.inbox(ALICE):
        temporary, permanent = all_failures(message_from_bytes(raw))
        found["temporary", frozenset(temporary)] += 1
        found["permanent", frozenset(permanent)] += 1
    late, never, many = {b"later@plain.example"}, {b"never@dsn.example"}, {b"many@plain.example"}
    assert found["temporary", frozenset(late)] == 3
    assert found["permanent", frozenset(late)] == 3
    assert found["permanent", frozenset(never)] == found["permanent", frozenset(many)] == 3
    assert {names for _, names in found} == {frozenset(one) for one in (late, never, many, set())}


@pytest.mark.parametrize("sender", [ALICE, JUERGEN])
@pytest.mark.parametrize("ret", ["", " RET=FULL"])
def test_addresses_beyond_ascii(sender: str, ret: str, tmp_path: object) -> None:
    """RFC 6533: each kind in UTF-8, for a sender who can be written in ASCII and for one who cannot."""

    @live
    async def story(town: Town) -> None:
        here = await house(town)
        recipients = {
            JUERGEN: ["delivered"],
            "rené@plain.example": ["relayed"],
            "never-é@plain.example": ["failed"],
            "later-é@plain.example": ["delayed", "failed"],
        }
        header = f"From: {sender}\r\nSubject: Grüße\r\n\r\nzum Gruß\r\n".encode()
        await here.send(sender, list(recipients), header, mail=f" SMTPUTF8{ret}", rcpt=EVERYTHING)
        await town.wait("6d")
        raws = [raw for raw in await here.inbox(sender) if b"multipart/report" in raw]
        notices = [Notice.read(raw) for raw in raws]
        told = Counter(pair for notice in notices for pair in notice.actions)
        assert told == {(action, name): 1 for name, actions in recipients.items() for action in actions}
        assert {notice.kind for notice in notices} == {"message/global-delivery-status"}
        types = {block["Final-Recipient"].partition(";")[0] for notice in notices for block in notice.each}
        assert types == {"utf-8"}

    story(tmp_path)  # type: ignore[arg-type]
