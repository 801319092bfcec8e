"""Handing a letter to the server, by the socket it listens on; or to the spool, where the server finds it later."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from correo.cli.sendmail.message import with_date
from correo.clock import Chance
from correo.mail.status import Status
from correo.ops import spool
from correo.wire.smtp.letter import Letter, Outcome, Step, Verdict, dialog, verification
from correo.wire.smtp.reply import NotSmtp, Reply, ReplyReader

T = TypeVar("T")

PATIENCE = 300.0  # seconds for one reply; RFC 5321 §4.5.3.2 asks for up to ten minutes, of servers far away
PIECE = 64 * 1024
NAME_SIZE = 16  # octets of chance in the name of a letter: what keeps it from being found


def submit(path: str, letter: Letter) -> Outcome:
    """By the server itself. Raises OSError where it is not there, or goes away."""
    return _played(path, dialog(letter))


def verify(path: str, letter: Letter) -> list[Reply] | Outcome:
    """What it says of each recipient, or why it says nothing."""
    try:
        return _played(path, verification(letter)) if path else _absent("there is no socket to reach it by")
    except OSError as error:
        return _absent(str(error))


def _played(path: str, talk: Generator[bytes, Reply, T]) -> T:
    """Raises OSError."""
    with _connected(path) as sock:
        reader = ReplyReader()
        next(talk)
        try:
            while True:
                sock.sendall(talk.send(_reply(sock, reader)))
        except StopIteration as end:
            result: T = end.value
        try:
            sock.sendall(b"QUIT\r\n")
        except OSError:
            pass  # what it was about has been answered
        return result


def _reply(sock: socket.socket, reader: ReplyReader) -> Reply:
    while (reply := reader.next()) is None:
        data = sock.recv(PIECE)
        if not data:
            raise ConnectionResetError("the server has closed the connection")
        reader.feed(data)
    if isinstance(reply, NotSmtp):
        raise ConnectionAbortedError(reply.reason)
    return reply


def _connected(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(PATIENCE)
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


def hand_over(path: str, folder: Path | None, letter: Letter, chance: Chance, now: int) -> Outcome:
    """To the server, or to the spool where it cannot take the letter now; LATER where neither will do."""
    try:
        outcome = submit(path, letter) if path else _absent("there is no socket to reach it by")
    except OSError as error:
        outcome = _absent(str(error))
    if outcome.verdict is not Verdict.LATER or folder is None:
        return outcome
    try:
        dated = replace(
            letter, text=with_date(letter.text, now)
        )  # it is of now, whenever it is taken from there
        spool.put(folder, dated, chance.secret(NAME_SIZE).hex())
    except OSError as error:
        words = f"{outcome.status.text}, nor can it be kept in {folder}: {error.strerror}"
        return Outcome(Verdict.LATER, outcome.step, Status(451, "4.3.0", words))
    return Outcome(Verdict.TAKEN, Step.TEXT, Status(250, "2.0.0", f"kept in {folder}"))


def _absent(why: str) -> Outcome:
    return Outcome(Verdict.LATER, Step.HELLO, Status(451, "4.3.0", f"the server does not answer: {why}"))


def converse(path: str, incoming: int, outgoing: int) -> None:
    """SMTP on two descriptors, which somebody else speaks. Raises OSError."""
    with _connected(path) as sock:
        sock.settimeout(None)
        sources = [incoming, sock.fileno()]
        while True:
            ready, _, _ = select.select(sources, (), ())
            if incoming in ready:
                data = os.read(incoming, PIECE)
                if data:
                    sock.sendall(data)
                else:
                    sources.remove(incoming)
                    sock.shutdown(socket.SHUT_WR)
            if sock.fileno() in ready:
                data = sock.recv(PIECE)
                if not data:
                    return
                while data:
                    data = data[os.write(outgoing, data) :]
