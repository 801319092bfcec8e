"""The file into the tree, or an error that names file, line and key and says what would be right."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from correo.config.options import Config, Listener, Pair, Route
from correo.mail.way import Kind, is_name

T = TypeVar("T")

_TABLES = {
    one.name: cast(type[Any], one.default_factory)
    for one in fields(Config)
    if isinstance(one.default_factory, type)
}
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"]+)\s*\]\]?")
_KEY = re.compile(r"\s*\"?([\w\-]+)\"?\s*=")


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, line and key."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The text, for finding lines: the TOML reader does not tell where a key stood."""

    path: Path
    text: str

    def line(self, table: str, number: int, key: str) -> int:
        """The line of `key` in the `number`th [table] (or [[table]]); the table's own line when the key is not there."""
        here, seen, found = "", 0, 1
        for position, line in enumerate(self.text.splitlines(), 1):
            if header := _HEADER.match(line):
                here = header[2]
                if not table and here == key:
                    return position
                seen += here == table
                if here == table and seen == number + 1:
                    found = position
            elif (
                here == table
                and (seen == number + 1 or not table)
                and (match := _KEY.match(line))
                and match[1] == key
            ):
                return position
        return found

    def error(self, table: str, number: int, key: str, words: str) -> ConfigError:
        place = f"{table}.{key}" if table else key
        return ConfigError(f"{self.path}, line {self.line(table, number, key)}: {place} {words}")


def read(text: str, path: Path) -> Config:
    """The configuration in `text`; relative files in it are taken to stand beside `path`. Raises ConfigError."""
    source = _Source(path, text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise ConfigError(f"{path}: not valid TOML: {wrong}") from None
    listeners = document.pop("listener", [])
    routes = document.pop("route", [])
    tables = {name: document.pop(name, {}) for name in _TABLES}
    if not isinstance(listeners, list) or not all(isinstance(item, dict) for item in listeners):
        raise source.error("", 0, "listener", "must be written as [[listener]], once for each address")
    if not isinstance(routes, list) or not all(isinstance(item, dict) for item in routes):
        raise source.error("", 0, "route", "must be written as [[route]], once for each way")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise source.error("", 0, name, f"must be a table: write [{name}] on a line of its own")
    top = _values(Config, document, source, "", 0, also=("listener", "route", *_TABLES))
    top["listener"] = tuple(
        _build(Listener, item, source, "listener", number) for number, item in enumerate(listeners)
    )
    top["route"] = tuple(_build(Route, item, source, "route", number) for number, item in enumerate(routes))
    certificates = _certificates(tables["tls"], source)
    for name, kind in _TABLES.items():
        top[name] = _build(kind, tables[name], source, name, 0)
    top["tls"] = replace(top["tls"], certificates=certificates)
    config = Config(**top, source=path)
    _check(config, source)
    return config


def _certificates(table: dict[str, Any], source: _Source) -> tuple[Pair, ...]:
    """Takes them out of the table of [tls]."""
    listed = table.pop("certificates", [])
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        words = "must be written as [[tls.certificates]], once for each certificate"
        raise source.error("tls", 0, "certificates", words)
    name = "tls.certificates"
    return tuple(_build(Pair, item, source, name, number) for number, item in enumerate(listed))


def _build(kind: type[T], table: dict[str, Any], source: _Source, name: str, number: int) -> T:
    return kind(**_values(kind, table, source, name, number))


def _values(
    kind: type[Any],
    table: dict[str, Any],
    source: _Source,
    name: str,
    number: int,
    also: tuple[str, ...] = (),
) -> dict[str, Any]:
    options = {field.name: field.metadata for field in fields(kind) if "parse" in field.metadata}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in options:
            near = difflib.get_close_matches(key, [*options, *also], 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(options)}"
            raise source.error(name, number, key, "is not an option" + hint)
        try:
            found[key] = options[key]["parse"](value)
        except ValueError as wrong:
            raise source.error(name, number, key, f"= {value!r}: {wrong}") from None
    for key, metadata in options.items():
        if key not in found and "default" not in metadata:
            raise source.error(name, number, key, f"is missing: {metadata['why']}")
    return found


def _check(config: Config, source: _Source) -> None:
    """What no single option can know."""
    for number, listener in enumerate(config.listener):
        if listener.tls != "none" and not config.tls.pairs:
            words = f'= "{listener.tls}" needs a certificate: set certificate and key in [tls]'
            raise source.error("listener", number, "tls", words)
        if listener.protocol == "lmtp" and listener.tls != "none":
            raise source.error(
                "listener",
                number,
                "tls",
                'must be "none" for lmtp, which is for programs on this machine or network',
            )
    if bool(config.tls.certificate) != bool(config.tls.key):
        key = "key" if config.tls.certificate else "certificate"
        raise source.error("tls", 0, key, "is missing: a certificate and its key go together")
    if config.tls.client_ca and not config.tls.pairs:
        raise source.error("tls", 0, "client_ca", "needs a certificate: set certificate and key")
    _check_oauth(config, source)
    _check_routes(config, source)
    if config.transport.smarthost and not re.fullmatch(r"\S+:\d{1,5}", config.transport.smarthost):
        raise source.error("transport", 0, "smarthost", 'must be host:port, as in "relay.example.net:587"')
    if bool(config.transport.smarthost_user) != bool(config.transport.smarthost_password_file):
        raise source.error("transport", 0, "smarthost_user", "and smarthost_password_file go together")


def _check_oauth(config: Config, source: _Source) -> None:
    oauth = config.oauth
    if not oauth.introspection:
        return
    local = r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/\S*)?"
    if not re.fullmatch(rf"https://[^\s/@]+(/\S*)?|{local}", oauth.introspection):
        words = "must be a URL that begins with https://, or with http://localhost where it never leaves this machine"
        raise source.error("oauth", 0, "introspection", words)
    if not (oauth.client_id and oauth.client_secret_file):
        raise source.error("oauth", 0, "introspection", "needs client_id and client_secret_file")
    if not oauth.claim:
        raise source.error("oauth", 0, "claim", 'must be the name of a member, as in "username"')


def _check_routes(config: Config, source: _Source) -> None:
    domains: set[str] = set()
    names: set[str] = set()
    for number, route in enumerate(config.route):
        kind = route.to.kind
        wrong = ""
        if not route.domains:
            key, wrong = "domains", 'must name domains, as in ["example.net"]'
        elif again := domains.intersection(route.domains):
            key, wrong = "domains", f"has {min(again)}, which has a route already"
        elif route.name and (route.name in names or not is_name(route.name)):
            key, wrong = "name", "must be a word that no other route has"
        elif bool(route.user) != bool(route.password_file):
            key, wrong = "user", "and password_file go together"
        elif route.user and kind is not Kind.SMTP:
            key, wrong = "user", 'is for a host that is named, as in to = "smtp:relay.example.net:587"'
        elif route.tls and (
            kind not in (Kind.MX, Kind.SMTP) or (kind is Kind.MX and route.tls == "implicit")
        ):
            key, wrong = "tls", "is for mail that goes out by SMTP, and implicit for a host that is named"
        elif route.source_address and not _is_address(route.source_address):
            key, wrong = "source_address", 'must be an IP address, as in "192.0.2.7"'
        if wrong:
            raise source.error("route", number, key, wrong)
        domains |= {*route.domains}
        names |= {route.name}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def beside(config: Config, name: str | Path) -> Path:
    """A file named in the configuration: relative names stand beside the configuration file."""
    return config.source.parent / name
