"""The files that other servers keep beside their mail."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.ops.importing import files, keyword_files, subscribed
from correo.ops.importing.found import folder_name, folder_part, keywords, wire_form
from correo.ops.importing.uidlists import Entry, courier_name, pop3_sizes, uidlist
from correo.ops.importing.unique_ids import UidlFormat


def lines(text: bytes) -> list[bytes | None]:
    return list(files.lines(io.BytesIO(text), 100))


class TestUidlist:
    def test_dovecot(self) -> None:
        text = b"3 V1275660208 N25022 G3085f01b\n25006 :1.M.host:2,S\n25017 W2481 Pabc G12 :2.M.host,S=5:2,\n"
        found = uidlist(lines(text))
        assert (found.uidvalidity, found.uidnext, found.broken) == (1275660208, 25022, 0)
        assert found.entries == {
            b"1.M.host": Entry(25006, None, ""),
            b"2.M.host,S=5": Entry(25017, "abc", "12"),
        }

    def test_courier(self) -> None:
        found = uidlist(lines(b"1 1160000000 9\n3 1.M.host\n7 2.M host\n"))
        assert (found.uidvalidity, found.uidnext, found.broken) == (1160000000, 9, 0)
        assert found.entries == {b"1.M.host": Entry(3, None, ""), b"2.M host": Entry(7, None, "")}

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"x :a",
            b"5",
            b"5 :",
            b"4 :a",
            b"4294967295 :a",
            b"99999999999 :a",
            b"6 w1 :a",
            b"6 :../a",
            b"0 :a",
        ],
    )
    def test_what_is_broken_is_counted_and_passed_over(self, line: bytes) -> None:
        found = uidlist(lines(b"3 V1 N9\n5 :before\n" + line + b"\n7 :after\n"))
        assert (list(found.entries), found.broken) == ([b"before", b"after"], 1)

    @pytest.mark.parametrize(
        "text", [b"", b"\n", b"2 1 1\n1 a\n", b"\xff\n", b"1 x y\n", b"x" * 5000 + b"\n"]
    )
    def test_without_a_header_it_means_nothing(self, text: bytes) -> None:
        found = uidlist(lines(text))
        assert (found.uidvalidity, found.uidnext, found.entries, found.broken) == (0, 0, {}, 1)

    def test_numbers_that_are_none(self) -> None:
        found = uidlist(lines(b"3 Vx N99999999999\n"))
        assert (found.uidvalidity, found.uidnext) == (0, 1)

    def test_uidnext_is_above_all(self) -> None:
        assert uidlist(lines(b"3 V1 N1\n5 :a\n")).uidnext == 6

    def test_a_line_without_end_costs_no_memory_and_one_message(self) -> None:
        text = b"3 V1 N9\n5 :" + b"a" * 10_000_000 + b"\n6 :b\n"
        found = uidlist(lines(text))
        assert (list(found.entries), found.broken) == ([b"b"], 1)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.binary(max_size=40) | st.sampled_from([b"3 V5 N7", b"1 5 7", b"3 P :x", b"9 P W :"]),
            max_size=6,
        )
    )
    def test_anything(self, rows: list[bytes]) -> None:
        found = uidlist(rows)
        assert all(0 < entry.uid < 2**32 for entry in found.entries.values())

    def test_hundred_thousand_lines_take_no_time(self) -> None:
        text = b"3 V1 N900000\n" + b"".join(
            b"%d W5 :17000.M%dP1.host,S=5\n" % (n, n) for n in range(1, 100_001)
        )
        start = time.process_time()
        assert len(uidlist(lines(text)).entries) == 100_000
        assert time.process_time() - start < 2


class TestCourier:
    def test_names_of_pop3(self) -> None:
        text = b"/2 12 1160000000\n1.host:2,S 500 3:1160000000\n2.host 500 4\n3.host+x 500\n4.host 5 0:0\nbroken\n"
        assert pop3_sizes(lines(text)) == {
            b"1.host": "UID3-1160000000",
            b"2.host": "UID4",
            b"3.host+x": "3.host+2Bx",
            b"4.host": "4.host",
        }

    def test_a_file_name_in_uidl(self) -> None:
        assert courier_name(b"1.a b'\"+\xff\xc3") == "1.a+20b+27+22+2B+FF+C3"

    def test_keywords(self, tmp_path: Path) -> None:
        (tmp_path / ":list").write_bytes(b"Work\nHome\n\n1.host:0 1\n2.host:1\n3.host:7 x\nnothing\n")
        (tmp_path / "2.host").write_bytes(b"Work\nNew\n")
        (tmp_path / ".5.1.host").write_bytes(b"Old\n")
        (tmp_path / ".12.1.host").write_bytes(b"Newer\n")
        (tmp_path / ".99.2.host").write_bytes(b"not this\n")
        with files.Top(tmp_path).opened() as folder:
            assert keyword_files.courier(folder) == {
                b"1.host": ["Newer"],
                b"2.host": ["Work", "New"],
                b"3.host": [],
            }


def test_letters_of_dovecot() -> None:
    assert keyword_files.letters(lines(b"0 $Forwarded\n1 Work\n25 z\n26 none\nx y\n\n7\n")) == {
        "a": "$Forwarded",
        "b": "Work",
        "z": "z",
    }


class TestUidlFormat:
    @pytest.mark.parametrize(
        ("template", "said"),
        [
            ("%08Xu%08Xv", "000000ff6553f100"),
            ("%v.%u", "1700000000.255"),
            ("%u", "255"),
            ("UID%u-%v", "UID255-1700000000"),
            ("%f", "1.M.host,S=5"),
            ("%g", "cafe"),
            ("%%%Uf", "%1.M.HOST,S=5"),
            ("%{uidvalidity}-%{uid}", "1700000000-255"),
            ("%XUu", "FF"),
        ],
    )
    def test_variables(self, template: str, said: str) -> None:
        assert UidlFormat(template)("1.M.host,S=5", 255, 1_700_000_000, "cafe") == said

    @pytest.mark.parametrize("template", ["", "same", "%v", "%z%u", "%08", "%{owm}%u", "%u%"])
    def test_nonsense(self, template: str) -> None:
        with pytest.raises(ValueError, match=r"variable|names no message"):
            UidlFormat(template)

    def test_what_would_be_no_unique_id(self) -> None:
        assert UidlFormat("%f")("a b", 1, 1, "") is None
        assert UidlFormat("%f%f")("x" * 200, 1, 1, "") is None


class TestSubscriptions:
    THERE = frozenset({"Sent", "Sent/2024", "Jürgen", "INBOX/x"})

    def test_dovecot(self) -> None:
        text = b"V\t2\n\nINBOX\nSent\t2024\nJ&APw-rgen\nGone.away\na\x01tb\n"
        found = subscribed.dovecot(lines(text), b".", self.THERE)
        assert found == ["INBOX", "Sent/2024", "Jürgen", "Gone.away", "a_b"]

    def test_dovecot_of_old(self) -> None:
        text = b"INBOX\nSent.2024\nINBOX.Sent\nINBOX.x\nINBOX.none\n"
        found = subscribed.dovecot(lines(text), b".", self.THERE)
        assert found == ["INBOX", "Sent/2024", "Sent", "INBOX/x", "INBOX/none"]
        assert subscribed.dovecot(lines(b"Sent/2024\nw.x\n"), b"/", self.THERE) == ["Sent/2024", "w.x"]

    def test_courier(self) -> None:
        text = b"INBOX\nINBOX.Sent\nINBOX.Sent.2024\nINBOX.J&APw-rgen\n"
        assert subscribed.courier(lines(text), self.THERE) == ["INBOX", "Sent", "Sent/2024", "Jürgen"]


@pytest.mark.parametrize(
    ("octets", "part"),
    [
        (b"Sent", "Sent"),
        (b"J&APw-rgen", "Jürgen"),
        ("Jürgen".encode(), "Jürgen"),
        (b"R&D", "R&D"),
        (b"a&-b", "a&b"),
        (b"\xff", "\udcff"),
    ],
)
def test_folders_in_either_spelling(octets: bytes, part: str) -> None:
    assert folder_part(octets) == part


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["a", "b"], "a/b"),
        (["50%", "*"], "50_/_"),
        (["a/b"], "a_b"),
        (["\x01\udcff\u2028"], "___"),
        (["ü "], "ü "),
    ],
)
def test_what_may_not_be_in_a_name_is_replaced(parts: list[str], name: str) -> None:
    assert folder_name(parts) == name


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        (b"a\nb\r\nc\n", b"a\r\nb\r\nc\r\n"),
        (b"a\rb\r\r\nc", b"a\rb\r\r\nc"),
        (b"\n\n", b"\r\n\r\n"),
        (b"a\0b\n", b"a\x80b\r\n"),
        (b"", b""),
    ],
)
def test_lines_end_as_on_the_wire(octets: bytes, kept: bytes) -> None:
    assert wire_form(octets) == kept


def test_keywords_that_are_atoms() -> None:
    words = ["Work", "work", "$Label1", "a b", "a)", "\\Seen", "ü", "", "x" * 101, "[x", "x]"]
    assert keywords(words) == (["Work", "$Label1", "[x"], ["a b", "a)", "\\Seen", "ü", "", "x" * 101, "x]"])
    assert len(keywords(f"k{number}" for number in range(100))[0]) == 64
