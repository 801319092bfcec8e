"""A wrong configuration names file, line and key, and says what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from correo.accounts.login import USUAL
from correo.config import Config, ConfigError, options, read
from correo.config.read import beside
from correo.mail.instant import DAY, HOUR, MINUTE, SECOND
from correo.mail.way import Way
from correo.wire import sasl as wire_sasl

GOOD = """hostname = "mail.example.com"
data_dir = "data"

[[listener]]
protocol = "smtp"
address  = "127.0.0.1:2525"
"""

PATH = Path("/etc/correo/correo.toml")


def test_defaults_are_what_a_real_server_wants() -> None:
    config = read(GOOD, PATH)
    assert config.queue.retry == (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
    assert config.queue.expire == 5 * DAY
    assert config.queue.warn_after == 4 * HOUR
    assert config.transport.port == 25
    assert not config.auth.allow_plaintext
    assert config.listener[0].tls == "none"
    assert beside(config, config.data_dir) == Path("/etc/correo/data")


def test_every_option_can_be_written() -> None:
    text = """
hostname = "Mail.Example.COM"
data_dir = "/var/lib/correo"
user = "correo"
[[listener]]
protocol = "imap"
address = "[::1]:0"
tls = "implicit"
[[listener]]
protocol = "lmtp"
address = "unix:/run/correo/lmtp"
[tls]
certificate = "cert.pem"
key = "key.pem"
[dns]
servers = ["127.0.0.1:5353"]
[auth]
allow_plaintext = true
mechanisms = ["PLAIN", "SCRAM-SHA-1"]
end_point_binding = true
[oauth]
introspection = "http://[::1]:8080/introspect"
client_id = "correo"
client_secret_file = "secret"
claim = "email"
[queue]
retry = ["1s"]
expire = "10s"
warn_after = ""
[transport]
port = 2525
smarthost = "relay.example.net:587"
[limits]
message_size = "1MiB"
imap_message_limit = 0
imap_save_limit = 1000
drain = "1s"
[pop3]
login_delay = "5s"
[imap]
outbox = ""
[log]
format = "json"
"""
    config = read(text, PATH)
    assert config.hostname == "mail.example.com"
    assert config.auth.mechanisms == ("PLAIN", "SCRAM-SHA-1")
    assert config.oauth.timeout == 10.0
    assert config.queue.warn_after == 0
    assert config.limits.message_size == 1 << 20
    assert config.limits.drain == 1.0
    assert (config.pop3.login_delay, config.imap.outbox) == (5 * SECOND, "")
    assert (config.limits.imap_message_limit, config.limits.imap_save_limit) == (0, 1000)


def test_lists_of_domains() -> None:
    added = '[transport]\ntls_required = ["Example.NET.", ".example.org", "*"]\ntls_verified = ["b\u00fccher.example"]\n'
    transport = read(GOOD + added, PATH).transport
    assert transport.tls_required == ("example.net", ".example.org", "*")
    assert transport.tls_verified == ("xn--bcher-kva.example",)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ('[queue]\nretry = ["5x"]\n', ["line 8", "queue.retry", "not a duration", "5m"]),
        ("[queue]\nretry = []\n", ["line 8", "queue.retry", "list of durations"]),
        ('[limits]\nmesage_size = "1MiB"\n', ["line 8", "limits.mesage_size", "did you mean message_size"]),
        ('[limits]\nmessage_size = "many"\n', ["line 8", "limits.message_size", "50MiB"]),
        ("[limits]\nrecipients = 5\n", ["line 8", "limits.recipients", "from 100 to"]),
        (
            "[limits]\nimap_save_limit = 999\n",
            ["line 8", "limits.imap_save_limit", "0 or a whole number from 1000"],
        ),
        (
            '[transport]\ntls_required = ["a..b"]\n',
            ["line 8", "transport.tls_required", "list of domains", "malformed"],
        ),
        ('[transport]\ntls_verified = "a"\n', ["line 8", "transport.tls_verified", "list of domains"]),
        ("[limts]\na = 1\n", ["line 7", "limts", "did you mean limits"]),
        ('[[listener]]\nprotocol = "smpt"\naddress = "1:1"\n', ["line 8", "listener.protocol", '"smtp"']),
        ('[[listener]]\nprotocol = "imap"\n', ["line 7", "listener.address", "missing"]),
        (
            '[[listener]]\nprotocol = "imap"\naddress = "nowhere"\n',
            ["line 9", "listener.address", "127.0.0.1:2525"],
        ),
        (
            '[[listener]]\nprotocol = "imap"\naddress = "a:1"\ntls = "starttls"\n',
            ["line 10", "listener.tls", "[tls]"],
        ),
        ('[tls]\ncertificate = "a"\n', ["line 7", "tls.key", "missing"]),
        ("[auth]\nallow_plaintext = 1\n", ["line 8", "auth.allow_plaintext", "true or false"]),
        ("[auth]\nmechanisms = []\n", ["line 8", "auth.mechanisms", '"SCRAM-SHA-256"']),
        ('[auth]\nmechanisms = ["DIGEST-MD5"]\n', ["line 8", "auth.mechanisms", '"SCRAM-SHA-256"']),
        ('[tls]\nclient_ca = "a"\n', ["line 8", "tls.client_ca", "set certificate and key"]),
        ('[oauth]\nintrospection = "http://id.example/"\n', ["line 8", "oauth.introspection", "https://"]),
        (
            '[oauth]\nintrospection = "https://me@id.example/"\n',
            ["line 8", "oauth.introspection", "https://"],
        ),
        ('[oauth]\nintrospection = "https://id.example/"\n', ["line 8", "oauth.introspection", "client_id"]),
        (
            '[oauth]\nintrospection = "https://a/"\nclient_id = "b"\nclient_secret_file = "c"\nclaim = ""\n',
            ["line 11", "oauth.claim", '"username"'],
        ),
        ("[[route]]\ndomains = []\n", ["line 8", "route.domains", "must name domains"]),
        ('[[route]]\nto = "hold"\n', ["line 7", "route.domains", "is missing"]),
        (
            '[[route]]\ndomains = ["a.example"]\nto = "relay.example:25"\n',
            ["line 9", "route.to", "smtp:relay"],
        ),
        ('[[route]]\ndomains = ["a.example"]\nto = "route:x"\n', ["line 9", "another route"]),
        (
            '[[route]]\ndomains = ["a.example"]\n[[route]]\ndomains = [".b.example", "A.example"]\n',
            ["line 10", "a.example", "already"],
        ),
        ('[[route]]\ndomains = ["*"]\nuser = "u"\npassword_file = "p"\n', ["line 9", "route.user", "smtp:"]),
        ('[[route]]\ndomains = ["*"]\nto = "smtp:relay.example"\nuser = "u"\n', ["line 10", "password_file"]),
        (
            '[[route]]\ndomains = ["*"]\nto = "lmtp:store.example"\ntls = "verified"\n',
            ["line 10", "route.tls"],
        ),
        ('[[route]]\ndomains = ["*"]\nsource_address = "here"\n', ["line 9", "IP address"]),
        ('[[route]]\ndomains = ["*"]\nname = "a b"\n', ["line 9", "route.name"]),
        ('[[route]]\ndomains = ["*"]\nretry = ["0s"]\n', ["line 9", "longer than zero"]),
        ("[route]\n", ["[[route]]"]),
        ('[transport]\nsmarthost = "relay"\n', ["line 8", "transport.smarthost", "host:port"]),
        ('[imap]\noutbox = "a*"\n', ["line 8", "imap.outbox", "name of a mailbox"]),
        ('[imap]\noutbox = "Mail//Outbox"\n', ["line 8", "name of a mailbox"]),
        ('[imap]\noutbox = "Shared/a@b.example/Outbox"\n', ["line 8", "of others"]),
        ('[imap]\noutbox = "Inbox/Sent"\n', ["line 8", "INBOX"]),
        ("tls = 1\n", ["listener.tls", "must be one of"]),
        ("[queue\n", ["not valid TOML", "line 7"]),
    ],
)
def test_mistakes_are_named(added: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as wrong:
        read(GOOD + added, PATH)
    message = str(wrong.value)
    assert message.startswith(str(PATH))
    for word in words:
        assert word in message


def test_what_must_be_there_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="hostname is missing"):
        read('data_dir = "x"\n', PATH)


def test_a_configuration_is_frozen() -> None:
    config = read(GOOD, PATH)
    assert isinstance(config, Config)
    with pytest.raises(AttributeError):
        config.hostname = "other"  # type: ignore[misc]


def test_the_mechanisms_are_those_that_there_are() -> None:
    """Two packages of one layer do not import each other, so that both have a list of them."""
    assert tuple(wire_sasl.MECHANISMS) == options.MECHANISMS
    assert read(GOOD, PATH).auth.mechanisms == USUAL


def test_routes_are_read() -> None:
    text = (
        GOOD
        + """
[[route]]
domains = ["Example.NET", ".example.org"]
to = "smtp:[2001:db8::1]:587"
name = "relay"
retry = ["1m", "1h"]
expire = "1d"
rate = 30
"""
    )
    (route,) = read(text, PATH).route
    assert route.domains == ("example.net", ".example.org")
    assert (route.to, route.name) == (Way.parse("smtp:[2001:db8::1]:587"), "relay")
    assert (route.retry, route.expire, route.rate, route.concurrency) == ((MINUTE, HOUR), DAY, 30, 0)
