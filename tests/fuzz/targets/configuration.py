"""correo.toml: taken, or refused with words that say where; and nothing else comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.target import Target

from correo.config import ConfigError, read

PATH = Path("/etc/correo/correo.toml")
GOOD = 'hostname = "mail.example.org"\ndata_dir = "data"\n'
WORDS = (
    "hostname", "data_dir", "user", "listener", "protocol", "address", "tls", "auth", "queue", "retry", "expire", "limits", "memory",
    "message_size", "transport", "smarthost", "port", "ipv6", "dns", "servers", "log", "level", "certificate", "key", "warn_after",
    "concurrency", "errors", "format", "route", "mailbox", "quota", "proxy", "trusted", "oauth", "metrics", "workers",
    "= 1\n", "= -1\n", "= 0\n", "= 99999999999999999999\n", "= 1.5\n", "= nan\n", "= true\n", '= ""\n', '= "5m"\n', '= "-5m"\n',
    '= "smtp"\n', '= "none"\n', '= "starttls"\n', '= "127.0.0.1:25"\n', '= "[::1]:0"\n', '= "unix:/run/x"\n', '= "50MiB"\n', "= []\n",
    '= ["5m"]\n', "= {}\n", "= 2026-01-01\n", "= 12:00:00\n", '"\\u0000"', '"é.example"', "'''", "[[", "]]\n", "[", "]\n", ".",
)  # fmt: skip


def run(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    for whole in (text, GOOD + text):
        try:
            config = read(whole, PATH)
        except ConfigError as wrong:
            assert str(PATH) in str(wrong), "nobody knows which file is meant"
            continue
        assert config.hostname
        assert all(pause > 0 for pause in config.queue.retry)
        assert config == read(whole, PATH)


def seeds() -> Iterator[bytes]:
    options = Path(__file__).parents[3] / "docs" / "options.md"
    inside = options.read_text("utf-8").split("```")[1::2]
    yield from (block.partition("\n")[2].encode()[:1_200] for block in inside)
    yield b'[[listener]]\nprotocol = "smtp"\naddress = ["127.0.0.1:25"]\n'
    yield b'[queue]\nretry = ["5m", "1h"]\nexpire = "5d"\n[limits]\nmessage_size = "50MiB"\n'
    yield GOOD.encode()


TARGET = Target(
    "configuration", ("correo.config",), run, seeds, tuple(word.encode() for word in WORDS), flood=16 * 1024
)
