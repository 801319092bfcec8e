"""connect, LOGIN, SELECT, LOGOUT."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from mailboxes import Mailbox
from people import add_people
from processes import own_cpu
from raw_imap import RawImap, trusting
from resting import SETTLED, calm
from row import Figure, Given, Goal, Maker, Row, makers, named, running
from servers import (
    CERTIFIED,
    DOMAIN,
    FAST_LOGIN,
    HOST,
    LOGIN_PROCESSES,
    PASSWORD,
    PEOPLE,
    Correo,
    Dovecot,
    ImapServer,
    certify,
    correo_config,
    free_port,
    listener,
)
from threads import at_once

SESSIONS, QUICK = 60, 4  # of each person
UNDER_TLS, TLS_QUICK = 20, 2
REMEMBERED = (
    6  # sessions of each person before anything is timed: each of Correo's workers has seen his password then
)
SAMPLES = 3
STRANGERS, STRANGERS_QUICK = 100, 5  # people who have not logged in for long
RECEIVE = 65_536

TUNED = "10 at once"
REUSED = "10 at once, beside IMAP processes that are reused"
TLS = "10 at once, TLS"
FORGOTTEN = "10 at once, whom the server does not remember"


class PeopledCorreo(Correo):
    """With TLS as well, and with people whom it does not remember."""

    def __init__(self, folder: Path, strangers: Sequence[str]) -> None:
        listeners = listener("smtp"), listener("imap"), listener("imap", tls="implicit")
        super().__init__(folder, correo_config(*listeners, more=CERTIFIED))
        self.offline(lambda db: add_people(db, strangers, PASSWORD))


class TunedDovecot(Dovecot):
    name = "Dovecot, tuned"

    def __init__(self, folder: Path, more: str = LOGIN_PROCESSES) -> None:
        self.imaps = free_port()
        listening = (
            f"service imap-login {{\n inet_listener imaps {{\n  port = {self.imaps}\n  ssl = yes\n }}\n}}"
        )
        secret = f"ssl = yes\nssl_cert = <{folder}/certificate.pem\nssl_key = <{folder}/key.pem"
        super().__init__(folder, f"{secret}\n{more}\n{listening}")
        certify(folder)


class ReusingDovecot(TunedDovecot):
    name = "Dovecot, IMAP processes reused"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FAST_LOGIN)


class Secure(ImapServer, Protocol):
    imaps: int


def sessions(port: int, people: Sequence[str], count: int) -> int:
    """Each of the people has one session after the other, `count` of them; plain sockets, and one loop for all."""
    poll = select.epoll()
    open_: dict[int, tuple[socket.socket, str, int]] = {}

    def begin(person: str, left: int) -> None:
        made = socket.create_connection((HOST, port))
        poll.register(made, select.EPOLLIN)
        open_[made.fileno()] = made, person, left

    for person in people:
        begin(person, count - 1)
    while open_:
        for number, _ in poll.poll():
            sock, person, left = open_[number]
            data = sock.recv(RECEIVE)
            if data.startswith(b"* OK"):
                sock.sendall(f"a LOGIN {person} {PASSWORD}\r\n".encode())
            elif b"a OK" in data:
                sock.sendall(b"b SELECT INBOX\r\n")
            elif b"b OK" in data:
                sock.sendall(b"c LOGOUT\r\n")
            elif b"c OK" in data:
                sock.close()
                del open_[number]
                if left:
                    begin(person, left - 1)
            elif not data or b" NO" in data or b" BAD" in data:
                raise RuntimeError(f"the server said {data!r}")
    return len(people) * count


def under_tls(port: int, people: Sequence[str], count: int) -> int:
    context = trusting()

    def one(person: str) -> None:
        for _ in range(count):
            client = RawImap(HOST, port, context)
            client.command(f"LOGIN {person} {PASSWORD}")
            client.command("SELECT INBOX")
            client.logout()

    at_once(one, people)
    return len(people) * count


def one_round(given: Given, number: int) -> Iterator[Figure]:
    strangers = [f"stranger{at}@{DOMAIN}" for at in range(given.size(STRANGERS, STRANGERS_QUICK))]
    theirs = [(TunedDovecot, TunedDovecot), (ReusingDovecot, ReusingDovecot)]
    make: list[Maker[Secure]] = makers(given, lambda folder: PeopledCorreo(folder, strangers), theirs)
    with running(given, make) as servers:
        for server in servers:
            Mailbox(server, 0).fill_inboxes()
            sessions(server.imap, PEOPLE, REMEMBERED)
        calm(servers, given.size(SETTLED, 1))
        for _ in range(given.size(SAMPLES, 1)):
            for server in servers:
                with named(server, "sessions"):
                    yield from _turn(given, server, servers)
        for server in servers:
            if not isinstance(server, ReusingDovecot):
                yield from _measure(FORGOTTEN, server, servers, partial(_once, server.imap, strangers))


def _turn(given: Given, server: Secure, servers: Sequence[Secure]) -> Iterator[Figure]:
    count, tls_count = given.size(SESSIONS, QUICK), given.size(UNDER_TLS, TLS_QUICK)
    (plain,) = _measure(TUNED, server, servers, lambda: sessions(server.imap, PEOPLE, count))
    reusing = isinstance(server, ReusingDovecot)
    if not reusing:
        yield plain
        yield from _measure(TLS, server, servers, lambda: under_tls(server.imaps, PEOPLE, tls_count))
    if reusing or isinstance(server, Correo):
        yield replace(plain, what=REUSED)


def _measure(
    what: str, server: Secure, servers: Sequence[Secure], work: Callable[[], int]
) -> Iterator[Figure]:
    calm(servers)
    before, own, start = server.cpu(), own_cpu(), time.perf_counter()
    done = work()
    seconds, client = time.perf_counter() - start, own_cpu() - own
    cpu = (server.cpu() - before) / done * 1e3
    yield Figure(what, server.name, done / seconds, "sessions/s", cpu, server.memory(), client / seconds)


def _once(port: int, strangers: Sequence[str]) -> int:
    for first in range(0, len(strangers), 10):
        sessions(port, strangers[first : first + 10], 1)
    return len(strangers)


ROW = Row(
    "login",
    "connect, LOGIN, SELECT, LOGOUT",
    "Ten people with a hundred messages each, one session after the other, ten at once. Dovecot is tuned as its manual says (imap-login with "
    "service_count = 0, process_min_avail and client_limit), with mail processes as they are shipped: one for each session, which parts "
    "the people of a system with many users. The second line lets those processes serve 256 sessions each as well, which suits one "
    "system user for all. Dovecot compares one password in clear text for all; Correo keeps argon2id and remembers a login for five "
    f"minutes. The last line is of {STRANGERS} people whom it does not remember, so that each login takes the 20 ms that the hash is meant to.",
    one_round,
    (TunedDovecot,),
    {TUNED: Goal(times=4)},
)
