"""Two workers as they are started in earnest: to clients they are one server, whatever becomes of either of them."""

from __future__ import annotations

import imaplib
import os
import poplib
import shutil
import signal
import smtplib
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from tests.interop.serving import ALICE, HOST, PASSWORD, Correo, give_away, letter

pytestmark = pytest.mark.crash

MANY = 12  # connections of which all go to one of two workers once in two thousand times
SECONDS = 60.0  # for anything that takes a second
ROUNDS = 9
STRANGER, OTHER = "198.51.100.7", "203.0.113.9"

LMTP = """[[listener]]
protocol = "lmtp"
address = "unix:SOCKET"
"""
CONFIG = f"""
hostname = "mail.correo.test"
data_dir = "data"
workers = 2
[[listener]]
protocol = "smtp"
address = "{HOST}:0"
[[listener]]
protocol = "imap"
address = "{HOST}:0"
[[listener]]
protocol = "pop3"
address = "{HOST}:0"
proxy_from = ["127.0.0.1"]
{LMTP}[auth]
allow_plaintext = true
ban_after = 3
[dns]
servers = ["127.0.0.1:9"]
[queue]
retry = ["1s"]
[limits]
drain = "1s"
connections_per_address = 5
[log]
format = "json"
"""


# Hands the sockets over as systemd does, in descriptors from 3 on.
SOCKET_MANAGER = """
import os, socket, sys
ports = [int(port) for port in sys.argv[1].split(",")]
os.closerange(3, 100)
kept = [socket.create_server(("127.0.0.1", port)) for port in ports]
assert [sock.fileno() for sock in kept] == list(range(3, 3 + len(ports)))
for sock in kept:
    sock.set_inheritable(True)
os.environ.update(LISTEN_FDS=str(len(ports)), LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Workers(Correo):
    """A server with two workers."""

    @property
    def master(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The pids of those who are there."""
        text = Path(f"/proc/{self.master}/task/{self.master}/children").read_text()
        return [int(child) for child in text.split()]

    def port(self, protocol: str, tls: str = "none") -> int:
        return super().port(protocol, tls)

    def wait(self) -> int:
        """The exit status of a server that ends by itself."""
        process, self._process = self._process, None
        assert process is not None
        return process.wait(SECONDS)

    def faults(self) -> list[str]:
        return [entry["event"] for entry in self.log if entry.get("level") in ("error", None)]

    def write(self, text: str) -> None:
        self.config.write_text(text.replace("SOCKET", str(self.folder / "lmtp")))

    def imap(self, who: str = ALICE, password: str = PASSWORD) -> imaplib.IMAP4:
        client = imaplib.IMAP4(HOST, self.port("imap"), timeout=SECONDS)
        client.login(who, password)
        return client

    def pop3(self, address: str = OTHER) -> poplib.POP3:
        """As a client with this address, whom a balancer announces."""
        client = Announced(address, self.port("pop3"))
        client.user(ALICE)
        return client


class Announced(poplib.POP3):
    def __init__(self, address: str, port: int) -> None:
        self._address = address
        super().__init__(HOST, port, timeout=SECONDS)

    def _create_socket(self, timeout: float) -> socket.socket:
        sock = socket.create_connection((HOST, self.port), timeout)
        sock.sendall(f"PROXY TCP4 {self._address} 192.0.2.1 4711 110\r\n".encode())
        return sock


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    server = Workers(tmp_path_factory.mktemp("template"))
    give_away(server.folder)
    server.write(CONFIG)
    server.populate()
    return server.folder


@pytest.fixture
def server(template: Path, tmp_path: Path) -> Iterator[Workers]:
    shutil.copytree(template, tmp_path / "correo")
    server = Workers(tmp_path / "correo")
    server.write(CONFIG)
    give_away(server.folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def ended(pid: int) -> bool:
    """Whether it runs no more, be it that nobody has asked yet how it ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def count_after(idling: imaplib.IMAP4) -> float:
    """When the next EXISTS comes."""
    while not (line := idling.readline()).endswith(b"EXISTS\r\n"):
        assert line, "the connection was closed"
    return time.monotonic()


def idle(client: imaplib.IMAP4) -> None:
    client.select()
    client.send(b"x IDLE\r\n")
    assert client.readline().startswith(b"+")


def test_whoever_idles_hears_of_mail_that_came_to_another_worker(server: Workers) -> None:
    clients = [server.imap() for _ in range(MANY)]
    for client in clients:
        idle(client)
    late = []
    for number in range(ROUNDS):
        server.deliver(letter(f"number {number}"))
        told = time.monotonic()
        late.append(max(count_after(client) for client in clients) - told)
    # Who must look for himself does so once a second. A busy machine delays a word now and then, and not every other time.
    assert median(late) < 0.25, "somebody had to look for himself"
    server.stop()


def test_a_maildrop_is_open_once_and_not_locked_by_the_dead(server: Workers) -> None:
    first = server.pop3()
    first.pass_(PASSWORD)
    for _ in range(MANY):
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            server.pop3().pass_(PASSWORD)
    first.quit()
    second = server.pop3()
    second.pass_(PASSWORD)
    for pid in server.workers:
        os.kill(pid, signal.SIGKILL)
    until(lambda: server.faults().count("a worker ended and is replaced") == 2)
    server.pop3().pass_(PASSWORD)


def test_guessing_is_counted_by_all(server: Workers) -> None:
    for number in range(4):
        with pytest.raises(poplib.error_proto):
            server.pop3(STRANGER).pass_(f"wrong {number}")
    for _ in range(MANY):
        with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
            server.pop3(STRANGER).pass_(PASSWORD)
    server.pop3(OTHER).pass_(PASSWORD)
    server.stop()


def admitted(server: Workers) -> poplib.POP3:
    """In once there is room: who has left counts for a moment longer."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return server.pop3()
        except poplib.error_proto:
            assert time.monotonic() < end, "there is never room"


def test_one_network_has_so_many_connections_and_not_so_many_of_each_worker(server: Workers) -> None:
    for _ in range(3):
        clients = [admitted(server) for _ in range(5)]
        with pytest.raises(poplib.error_proto, match="Too many connections"):
            server.pop3()
        server.pop3(STRANGER).quit()
        for client in clients:
            client.quit()
    server.stop()


def test_who_dies_takes_only_his_own_connections_and_is_replaced(server: Workers) -> None:
    # Twice as many as elsewhere: here it would be a failure if all of them went to the same one.
    clients = [smtplib.SMTP(HOST, server.port("smtp"), timeout=SECONDS) for _ in range(2 * MANY)]
    os.kill(server.workers[0], signal.SIGKILL)
    left = 0
    for client in clients:
        try:
            left += client.noop()[0] == 250
        except smtplib.SMTPServerDisconnected:
            pass
    assert 0 < left < len(clients)
    for number in range(MANY):  # those to the empty place wait until somebody is there
        server.deliver(letter(f"number {number}"))
    until(lambda: len(server.workers) == 2)
    with server.imap() as reader:
        assert reader.select()[1] == [str(MANY).encode()]
    assert server.faults() == ["a worker ended and is replaced"]


def test_a_reload_reaches_all(server: Workers) -> None:
    def sizes() -> set[str]:
        found = set()
        for _ in range(MANY):
            with smtplib.SMTP(HOST, server.port("smtp"), timeout=SECONDS) as client:
                client.ehlo()
                found.add(client.esmtp_features["size"])
        return found

    before = sizes()
    server.write(CONFIG.replace("[limits]", '[limits]\nmessage_size = "1MiB"'))
    os.kill(server.master, signal.SIGHUP)
    until(lambda: [entry["event"] for entry in server.log].count("reloaded") == 2)
    assert len(before) == 1
    assert sizes() == {str(1024 * 1024)}
    os.kill(server.workers[0], signal.SIGKILL)  # the next one reads it, too
    until(lambda: len(server.workers) == 2)
    assert sizes() == {str(1024 * 1024)}


def test_who_replaces_another_begins_as_the_others_did(server: Workers) -> None:
    fresh = (
        CONFIG.replace(LMTP, "")
        .replace('hostname = "mail', 'hostname = "other')
        .replace('"data"', '"elsewhere"')
    )
    server.write(fresh)
    os.kill(server.master, signal.SIGHUP)
    until(lambda: [entry["event"] for entry in server.log].count("reloaded") == 2)
    os.kill(server.workers[0], signal.SIGKILL)
    for _ in range(MANY):
        with smtplib.SMTP(HOST, server.port("smtp"), timeout=SECONDS) as client:
            assert client.ehlo()[1].startswith(b"mail.correo.test")
            client.sendmail("carol@far.example", [ALICE], letter("still here"))
    assert not (server.folder / "elsewhere").exists()


def test_all_notice_what_the_command_line_does(server: Workers) -> None:
    clients = [server.imap() for _ in range(MANY)]
    for client in clients:
        idle(client)
    server.cli("account", "passwd", ALICE, "--password-file", "-", stdin="another-Passw0rd\n")
    for _ in range(MANY):
        with pytest.raises(imaplib.IMAP4.error):
            server.imap()
        server.imap(password="another-Passw0rd").logout()
    server.cli("account", "add", "new@correo.test", "--password-file", "-", stdin=PASSWORD + "\n")
    for _ in range(MANY):
        server.deliver(letter("welcome"), recipient="new@correo.test")


def insist(server: Workers, text: bytes) -> None:
    """As other servers do: whoever is told 421, or finds the connection closed, before he has begun comes again."""
    while True:
        client = smtplib.SMTP(HOST, server.port("smtp"), timeout=SECONDS)
        try:
            client.sendmail("carol@far.example", [ALICE], text)
            return
        except smtplib.SMTPServerDisconnected:
            continue
        except smtplib.SMTPResponseException as refused:
            if refused.smtp_code != 421:
                raise
        finally:
            client.close()


def test_workers_are_replaced_and_nobody_is_turned_away(server: Workers) -> None:
    before, greeted = set(server.workers), 0
    idling = smtplib.SMTP(HOST, server.port("smtp"), timeout=SECONDS)
    os.kill(server.master, signal.SIGUSR2)
    end = time.monotonic() + SECONDS
    while not any(entry["event"] == "all workers are replaced" for entry in server.log):
        assert time.monotonic() < end, "they are not replaced"
        insist(server, letter(f"number {greeted}"))
        with socket.socket(socket.AF_UNIX) as lmtp:
            lmtp.connect(str(server.folder / "lmtp"))
            lmtp.settimeout(SECONDS)
            assert lmtp.recv(100).startswith(b"220")
        greeted += 1
    assert greeted > 5
    assert idling.noop()[0] in (250, 421)
    until(lambda: len(server.workers) == 2 and not before & set(server.workers))
    with server.imap() as client:
        assert client.select()[1] == [str(greeted).encode()]
    server.stop()


def test_new_workers_that_do_not_come_up_leave_the_old_ones(server: Workers) -> None:
    before = server.workers
    server.write(CONFIG + "nonsense")
    os.kill(server.master, signal.SIGUSR2)
    server.await_log("the new worker did not come up, those who are there stay")
    server.deliver(letter("still here"))
    assert server.workers == before


def test_sockets_that_systemd_keeps_open_serve_all_workers(template: Path, tmp_path: Path) -> None:
    shutil.copytree(template, tmp_path / "correo")
    manager = (sys.executable, "-c", SOCKET_MANAGER, "0,0,0")
    server = Workers(tmp_path / "correo", prefix=manager)
    server.config.write_text(CONFIG.replace(LMTP, ""))
    give_away(server.folder)
    server.start()
    try:
        os.kill(server.workers[0], signal.SIGKILL)
        for number in range(MANY):
            server.deliver(letter(f"number {number}"))
        until(lambda: len(server.workers) == 2)
        os.kill(server.master, signal.SIGUSR2)
        server.await_log("all workers are replaced")
        insist(server, letter("the last"))
        with server.imap() as reader:
            assert reader.select()[1] == [str(MANY + 1).encode()]
    finally:
        server.kill()


def test_workers_that_die_as_soon_as_they_come_end_the_service(server: Workers) -> None:
    server.write(CONFIG + "nonsense")
    for pid in server.workers:
        os.kill(pid, signal.SIGKILL)
    assert server.wait() == 78
    assert "workers end as soon as they come, so the service ends" in server.faults()


def test_without_its_master_the_workers_end(server: Workers) -> None:
    workers, port = server.workers, server.port("smtp")
    os.kill(server.master, signal.SIGKILL)
    until(lambda: all(map(ended, workers)))
    assert server.wait() == -signal.SIGKILL
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_a_second_server_does_not_share_the_ports_of_the_first(server: Workers) -> None:
    address = f"{HOST}:{server.port('smtp')}"
    server.write(CONFIG.replace(f"{HOST}:0", address, 1))
    result = server.cli("serve", code=71)
    assert f"cannot listen on {address}" in result.err
    server.deliver(letter("to the first"))


def test_what_cannot_start_says_why_and_is_not_tried_again(server: Workers) -> None:
    server.stop()
    (server.folder / "data" / "correo.db").write_bytes(b"no database" * 1000)
    result = server.cli("serve", code=None)
    assert result.code == 70
    assert result.err.count("restore a backup") == 1
    assert "Traceback" not in result.err
