"""`correo watch`: the dialogue of connections, as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import click
import msgspec

from correo.cli.terminal import (
    EX_NOPERM,
    EX_UNAVAILABLE,
    Failure,
    State,
    encode,
    json_option,
    printable,
    usage,
)
from correo.config import WATCH, Config
from correo.config.read import beside
from correo.mail.address import Address, BadAddress
from correo.mail.instant import iso8601, moment
from correo.net.tap import PROTOCOLS
from correo.net.watch import Request, Told, doors, reachable
from correo.wire.watched import NOTE

LOOK = 1.0  # seconds between looks for processes that have come since
QUEUED = 1_000  # lines that wait to be printed; the others wait in the sockets, and then the servers leave some out
LINE = 64 * 1024  # octets of what is told at once; a line of a dialogue is cut long before

_told = msgspec.json.Decoder(Told).decode


@click.command()
@click.option(
    "--session", metavar="ID", default="", help="only this connection, by the name it is shown under"
)
@click.option(
    "--host", "hosts", multiple=True, metavar="IP|NETWORK|NAME", help="only with this host; may be repeated"
)
@click.option(
    "--account", metavar="ADDRESS", help="only where this account is logged in, from the first line on"
)
@click.option(
    "--protocol", "protocols", metavar="NAME,...", default="", help=f"only these of {', '.join(PROTOCOLS)}"
)
@click.option("--data", is_flag=True, help="show messages, too, and not only how long they are")
@click.option("-n", "--lines", type=click.IntRange(1), metavar="N", help="end after so many lines")
@json_option
@click.pass_obj
def command(
    state: State,
    session: str,
    hosts: tuple[str, ...],
    account: str | None,
    protocols: str,
    data: bool,
    lines: int | None,
) -> None:
    """Show what clients and servers say to each other, as they say it, until Ctrl-C.

    C is the client, S the server, * what is said about the connection; of mail that goes out we are the client. Passwords, tokens and all
    else that proves who somebody is are hidden, and of messages only the size is shown. It is what goes on inside TLS and compression.

    For root and the user that the server runs as. Who watches slows nobody down: where lines come faster than they are read,
    some are left out, and it says how many.
    """
    request = Request(
        session=session,
        hosts=[*hosts, *(address for host in hosts for address in _addresses(host))],
        account=_folded(account) if account else "",
        protocols=[name for part in protocols.split(",") if (name := part.strip().lower())],
        data=data,
    )
    for name in request.protocols:
        if name not in PROTOCOLS:
            raise usage(f"--protocol {name}: there is no such protocol; there are {', '.join(PROTOCOLS)}")
    asyncio.run(_watch(state, _folder(state.config()), request, lines))


def _folder(config: Config) -> Path:
    return beside(config, config.data_dir) / WATCH


def _folded(address: str) -> str:
    try:
        return Address.parse(address).folded
    except BadAddress as wrong:
        raise usage(f"--account {address}: {wrong}") from None


def _addresses(host: str) -> set[str]:
    """Those of a name, so that it is recognised when it comes to us, too."""
    if "/" in host:
        return set()
    with contextlib.suppress(OSError, UnicodeError):
        return {str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(host, None)}
    return set()


async def _watch(state: State, folder: Path, request: Request, lines: int | None) -> None:
    audience = Audience(folder, request)
    if not await audience.join():
        raise Failure(f"no server is running on {folder.parent}; see correo check", EX_UNAVAILABLE)
    looking = asyncio.create_task(audience.keep_joining())
    shown = 0
    try:
        while lines is None or shown < lines:
            told = await audience.told.get()
            if told.refused:
                raise Failure(f"cannot watch: {told.refused}", EX_UNAVAILABLE)
            print(encode(_facts(told)) if state.as_json else printable(_line(told)), flush=True)
            shown += 1
    finally:
        looking.cancel()
        audience.leave()


class Audience:
    """Watches all processes that serve: those that are there, and those that come in their place."""

    def __init__(self, folder: Path, request: Request) -> None:
        self.told: asyncio.Queue[Told] = asyncio.Queue(maxsize=QUEUED)
        self._folder = folder
        self._request = encode(request).encode() + b"\n"
        self._readers: dict[Path, asyncio.Task[None]] = {}

    async def join(self) -> int:
        """Watch those that are not watched yet; how many are. Raises Failure."""
        try:
            found = doors(self._folder)
        except PermissionError:
            words = f"cannot look into {self._folder}; run this as root, or as the user the server runs as"
            raise Failure(words, EX_NOPERM) from None
        for path in found:
            if path not in self._readers:
                await self._join(path)
        return len(self._readers)

    async def keep_joining(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(Failure):
                await self.join()

    def leave(self) -> None:
        for reader in self._readers.values():
            reader.cancel()

    async def _join(self, path: Path) -> None:
        try:
            with reachable(path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=LINE)
        except PermissionError:
            words = f"cannot connect to {path}; run this as root, or as the user the server runs as"
            raise Failure(words, EX_NOPERM) from None
        except OSError:
            return  # its process has died, or is about to serve
        writer.write(self._request)
        self._readers[path] = asyncio.create_task(self._read(path, reader, writer))

    async def _read(self, path: Path, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while line := await reader.readline():
                await self.told.put(_told(line))
        except (OSError, ValueError, msgspec.MsgspecError):
            pass  # it has gone, or is of another version and cannot be understood
        finally:
            writer.close()
            self._readers.pop(path, None)


def _line(told: Told) -> str:
    if told.lost:
        return f"-- {told.lost:,} lines were left out, which came too fast"
    where = f"{moment(told.at).strftime('%H:%M:%S.%f')[:-3]} {told.session}"
    if told.who == NOTE:
        return f"{where} * {told.protocol} {told.peer}: {told.text}"
    return f"{where} {told.who}: {told.text}"


def _facts(told: Told) -> dict[str, object]:
    if told.lost:
        return {"lost": told.lost}
    return {
        "at": iso8601(told.at),
        "session": told.session,
        "protocol": told.protocol,
        "peer": told.peer,
        "account": told.account,
        "who": told.who,
        "text": told.text,
    }
