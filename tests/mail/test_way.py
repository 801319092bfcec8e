from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.way import Kind, Way, as_destination, of_destination


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("mx", Way(Kind.MX)),
        ("mx:Example.NET", Way(Kind.MX, "example.net")),
        ("smtp:Relay.example", Way(Kind.SMTP, "relay.example", 25)),
        ("smtp:relay.example:587", Way(Kind.SMTP, "relay.example", 587)),
        ("smtp:[2001:db8::1]:26", Way(Kind.SMTP, "2001:db8::1", 26)),
        ("smtp:[2001:db8::1]", Way(Kind.SMTP, "2001:db8::1", 25)),
        ("lmtp:127.0.0.1", Way(Kind.LMTP, "127.0.0.1", 24)),
        ("lmtp:unix:/run/lmtp", Way(Kind.LMTP, "/run/lmtp")),
        ("discard", Way(Kind.DISCARD)),
        ("hold", Way(Kind.HOLD)),
        ("route:to-relay", Way(Kind.ROUTE, "to-relay")),
    ],
)
def test_ways_are_read_and_written(text: str, way: Way) -> None:
    assert Way.parse(text) == way
    assert Way.parse(str(way)) == way


@pytest.mark.parametrize(
    "text",
    [
        "", "relay.example", "relay.example:25", "smtp", "smtp:", "smtp::25", "smtp:a:0", "smtp:a:65536", "smtp:a:b",
        "smtp:2001:db8::1", "smtp:a b", "smtp:unix:/run/x", "lmtp:unix:run", "mx:", "mx:a..b", "discard:", "hold:x",
        "route:", "route:a b", "SMTP:a", "smtp:[::1", "smtp:::1]:25",
    ],
)  # fmt: skip
def test_what_is_no_way_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Way.parse(text)


@pytest.mark.parametrize("domain", ["example.net", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
@pytest.mark.parametrize("way", ["mx", "smtp:[2001:db8::1]:25", "lmtp:unix:/run/a b"])
def test_a_way_in_the_place_of_a_domain(domain: str, way: str) -> None:
    assert of_destination(domain) == (None, domain)
    assert of_destination(as_destination(Way.parse(way), domain)) == (Way.parse(way), domain)


@given(st.text("smtplmxroude:/[]. 019a", max_size=24))
@settings(deadline=None, max_examples=300)
def test_whatever_is_read_can_be_read_again(text: str) -> None:
    try:
        way = Way.parse(text)
    except ValueError:
        return
    assert Way.parse(str(way)) == way
