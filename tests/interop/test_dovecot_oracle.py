"""Dovecot as an oracle: both servers are given the same messages and folders and are asked the same, and must answer alike.

What they may answer differently are the rules of `differences`, each of which has a row in docs/imap-differences.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from tests.interop import corpus, dovecot
from tests.interop.differences import RULES, kept_by_dovecot, out_of_order, rows, rule_for, spelled
from tests.interop.dovecot import Client
from tests.interop.questions import FLAGS, SORTS, Both, Difference, answered
from tests.interop.serving import Correo, running

PROGRAMS = ("dovecot",)
PAGE = Path(__file__).parents[2] / "docs" / "imap-differences.md"
SHOWN = 20  # differences in the message of an assertion

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


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Correo]:
    yield from running(template, tmp_path_factory.mktemp("oracle") / "correo")


@pytest.fixture(scope="module")
def oracle() -> Iterator[int]:
    """The port of a Dovecot of our own."""
    with dovecot.serving() as port:
        yield port


@pytest.fixture(scope="module")
def clients(server: Correo, oracle: int) -> Iterator[tuple[Client, Client]]:
    ours, theirs = Client(server.port("imap")), Client(oracle)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture(scope="module")
def both(clients: tuple[Client, Client]) -> Both:
    """Both inboxes with the whole corpus in it; Correo keeps every octet, and where Dovecot does not, it is known how."""
    both = Both(*clients)
    changed = list(both.fill(corpus.messages()))
    for difference in changed:
        assert difference.theirs == kept_by_dovecot(difference.message), difference
        assert difference.ours == b"OK", difference
    assert both.trash() == [one.message for one in changed]
    return both


@pytest.fixture(scope="module")
def fetched(both: Both) -> list[Difference]:
    """What is more than another spelling of the same."""
    assert len(both.messages) > 400
    return [
        plain
        for one in both.fetches()
        if (
            plain := replace(
                one, ours=spelled(one.question, one.ours), theirs=spelled(one.question, one.theirs)
            )
        )
        and plain.ours != plain.theirs
    ]


@pytest.fixture(scope="module")
def searched(both: Both) -> list[Difference]:
    return list(both.searches())


def unexplained(differences: list[Difference]) -> str:
    found = [one for one in differences if rule_for(one) is None]
    return f"{len(found)} answers differ:\n" + "\n".join(map(str, found[:SHOWN])) if found else ""


def test_fetch(fetched: list[Difference]) -> None:
    assert unexplained(fetched) == ""


def test_search(searched: list[Difference]) -> None:
    assert unexplained(searched) == ""


def test_sort(both: Both) -> None:
    for criteria in SORTS:
        odd = sum(out_of_order(criteria, message) is not None for _, message in both.messages)
        assert odd < len(both.messages) / 4, f"{odd} messages are left out of SORT {criteria}"
    assert not list(both.sorts(out_of_order))


def test_thread(both: Both) -> None:
    assert not list(both.threads(out_of_order))


def test_each_rule_is_needed_and_told(fetched: list[Difference], searched: list[Difference]) -> None:
    told = {line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")}
    assert not rows() - told
    assert {rule.row for rule in RULES} == {rule.row for rule in map(rule_for, fetched + searched) if rule}


def test_commands(correo: Correo) -> None:
    """Searches by flags and numbers, and folders, in the order in which they stand: each with what the ones before it left."""
    with dovecot.serving() as port:
        clients = Client(correo.port("imap")), Client(port)
        for number in range(40):
            append = f'APPEND INBOX {FLAGS[number % 5]} "{number % 28 + 1:02d}-Jan-2024 12:30:00 +0000"'
            message = corpus.well_formed(Random(number), number)
            assert [answered(client.say(append, message)) for client in clients] == [b"OK", b"OK"]
        different = []
        questions = ["SELECT INBOX", *(f"SEARCH {one}" for one in split(SEARCHES)), *split(FOLDERS)]
        for question in questions:
            ours, theirs = (status(client.say(question)) for client in clients)
            if ours != theirs:
                different.append(f"{question}\n  correo  {ours!r}\n  dovecot {theirs!r}")
        for client in clients:
            client.close()
    assert not different, f"{len(different)} answers differ:\n" + "\n".join(different[:SHOWN])


def split(commands: str) -> list[str]:
    return re.split("[;\n]", commands)


def status(answer: list[bytes]) -> list[bytes]:
    """The untagged responses that are data, in any order, and whether it went well."""
    data = [one for one in answer[:-1] if one.startswith((b"LIST", b"LSUB", b"STATUS", b"SEARCH"))]
    return [*sorted(data), answered(answer)]
