"""The servers that are measured, each as processes of its own below a folder of its own, stopped at the end.

Correo as `correo serve`. Postfix with Dovecot as its administrators would join them: smtpd, cleanup, qmgr and lmtp of Postfix, then
Dovecot's LMTP server into Maildirs, everything else as these programs ship it, so that both sync what they have accepted.
"""

from __future__ import annotations

import imaplib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import trustme
import uvloop
from people import add_people
from processes import tree_cpu, tree_memory

from correo.clock.system import SystemClock
from correo.storage.db.sqlite import Sqlite

T = TypeVar("T")

HOST = "127.0.0.1"
DOMAIN = "bench.test"
PEOPLE = [f"user{number}@{DOMAIN}" for number in range(10)]
PASSWORD = "bench-Passw0rd"
STARTING = 20.0  # seconds
STOPPING = 30.0  # seconds
VISIBLE = 120.0  # seconds that accepted mail may take to be seen
LOOK = 0.05  # seconds between looks: each costs the server something while it is still delivering
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def listener(protocol: str, address: str = f"{HOST}:0", tls: str = "none") -> str:
    return f'[[listener]]\nprotocol = "{protocol}"\naddress = "{address}"\ntls = "{tls}"\n'


def correo_config(*listeners: str, more: str = "") -> str:
    """A configuration with these listeners. {folder} in `more` stands for the server's folder."""
    return CORREO.format(listeners="".join(listeners), more=more)


CORREO = """
hostname = "mail.bench.test"
data_dir = "data"
{listeners}
[auth]
allow_plaintext = true
[dns]
servers = ["127.0.0.1:9"]
[log]
format = "json"
level = "info"
{more}
"""
CERTIFIED = """
[tls]
certificate = "certificate.pem"
key = "key.pem"
"""

POSTFIX = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
alias_maps =
alias_database =
local_recipient_maps =
"""
DELIVERING = """
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = texthash:{folder}/users
virtual_transport = lmtp:unix:{dovecot}/lmtp
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
flush      unix n - n 1000? 0 flush
proxymap   unix - - n - - proxymap
showq      unix n - n - - showq
error      unix - - n - - error
retry      unix - - n - - error
smtp       unix - - n - - smtp
lmtp       unix - - n - - lmtp
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
tlsmgr     unix - - n 1000? 1 tlsmgr
postlog    unix-dgram n - n - 1 postlogd
"""
DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
first_valid_uid = 1
postmaster_address = postmaster@bench.test
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{more}
"""
# The high-performance login mode of Dovecot's manual: few processes that serve one login after the other.
LOGIN_PROCESSES = f"""
service imap-login {{
  service_count = 0
  client_limit = 1000
  process_min_avail = {os.cpu_count()}
  process_limit = {os.cpu_count()}
}}
"""
# And processes of IMAP that are started before they are needed and serve many sessions, where all people share one system user.
FAST_LOGIN = f"""{LOGIN_PROCESSES}
service imap {{
  service_count = 256
  process_min_avail = {len(PEOPLE)}
}}
"""


class ImapServer(Protocol):
    name: str
    folder: Path
    imap: int

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def cpu(self) -> float: ...
    def memory(self) -> float: ...


class Server(ImapServer, Protocol):
    smtp: int

    def roots(self) -> list[int]: ...


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


class Watch:
    """Somebody who is logged in by IMAP to each mailbox, and counts."""

    def __init__(self, server: Server) -> None:
        self._name = server.name
        self._clients = [imaplib.IMAP4(HOST, server.imap, timeout=30) for _ in PEOPLE]
        for client, person in zip(self._clients, PEOPLE, strict=True):
            client.login(person, PASSWORD)

    def until(self, count: int) -> float:
        """Wait until the inboxes hold `count` messages, as STATUS tells; returns when that was (perf_counter)."""
        end = time.monotonic() + VISIBLE
        while (seen := sum(_messages(client) for client in self._clients)) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"{self._name} shows {seen} of {count} messages after {VISIBLE:.0f} s")
            time.sleep(LOOK)
        return time.perf_counter()

    def close(self) -> None:
        for client in self._clients:
            client.logout()


def _messages(client: imaplib.IMAP4) -> int:
    _, answer = client.status("INBOX", "(MESSAGES)")
    return int(answer[0].split()[-1].rstrip(b")")) if isinstance(answer[0], bytes) else 0


class Correo:
    """`correo serve`, not as root where we are root."""

    name = "Correo"

    def __init__(self, folder: Path, config: str = "") -> None:
        self.folder = folder
        self._config = folder / "correo.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._prefix: list[str] = []
        folder.mkdir()
        self._config.write_text(config or correo_config(listener("smtp"), listener("imap")))
        if CERTIFIED in config:
            certify(folder)
        if os.geteuid() == 0:
            rights = "+dac_read_search"  # for a checkout that only root may read
            user = ["--reuid=65534", "--regid=65534", "--clear-groups"]
            self._prefix = ["setpriv", *user, f"--inh-caps={rights}", f"--ambient-caps={rights}"]
            os.chown(folder, 65534, 65534)
        self._cli("domain", "add", DOMAIN)
        self.offline(lambda db: add_people(db, PEOPLE, PASSWORD))

    def start(self) -> None:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command("serve"), stderr=log, stdin=subprocess.DEVNULL)
        ports = until(self._listening, "Correo", self.folder / "log") or {}
        self.smtp, self.imap, self.imaps, self.pop3 = (
            ports.get(name, 0) for name in ("smtp", "imap", "imaps", "pop3")
        )

    def offline(self, work: Callable[[Sqlite], Awaitable[T]]) -> T:
        """Do something with the database while the server does not run, which owns the files afterwards."""

        async def open_and_work() -> T:
            db = await Sqlite.open(self.folder / "data" / "correo.db", now=SystemClock().now())
            try:
                return await work(db)
            finally:
                await db.close()

        done = uvloop.run(open_and_work())
        owner = self.folder.stat()
        for file in self.folder.rglob("*"):
            os.chown(file, owner.st_uid, owner.st_gid)
        return done

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            if self._process.wait(STOPPING):
                raise RuntimeError(f"correo ended badly: {(self.folder / 'log').read_text()[-2000:]}")
            self._process = None

    def cpu(self) -> float:
        assert self._process is not None
        return tree_cpu(self._process.pid)

    def memory(self) -> float:
        assert self._process is not None
        return tree_memory(self._process.pid)

    def roots(self) -> list[int]:
        """The processes from which all others of the server descend."""
        assert self._process is not None
        return [self._process.pid]

    def _listening(self) -> dict[str, int] | None:
        """The ports by protocol, with an s where that begins under TLS; 0 for a socket of this machine."""
        lines = (self.folder / "log").read_text().splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        if not any(entry["event"] == "ready" for entry in entries):
            return None
        heard = {
            entry["protocol"] + "s" * (entry["tls"] == "implicit"): entry["address"].rpartition(":")[2]
            for entry in entries
            if entry["event"] == "listening"
        }
        return {protocol: int(port) if port.isdecimal() else 0 for protocol, port in heard.items()}

    def _command(self, *arguments: str) -> list[str]:
        program = str(Path(sys.executable).parent / "correo")
        return [*self._prefix, program, "--config", str(self._config), *arguments]

    def _cli(self, *arguments: str) -> None:
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"correo {' '.join(arguments)}: {done.stderr[-2000:]}")


class _Mastered:
    """A server that is one process with others below it."""

    _master: subprocess.Popen[bytes] | None = None  # None: it does not run

    def roots(self) -> list[int]:
        return [self._master.pid] if self._master else []

    def cpu(self) -> float:
        return tree_cpu(self._master.pid) if self._master else 0.0

    def memory(self) -> float:
        return tree_memory(self._master.pid) if self._master else 0.0


class Dovecot(_Mastered):
    """Dovecot alone, with Maildirs. `more` is what its configuration has besides."""

    name = "Dovecot"

    @staticmethod
    def missing() -> str:
        """Why it cannot be measured here; "" when it can."""
        return missing("dovecot")

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.imap = free_port()
        self.lmtp = folder / "lmtp"
        folder.mkdir(mode=0o755)
        (folder / "mail").mkdir()
        os.chown(folder / "mail", 65534, 65534)
        text = DOVECOT.format(folder=folder, password=PASSWORD, port=self.imap, more=more)
        (folder / "dovecot.conf").write_text(text)

    def start(self) -> None:
        self._master = _run("dovecot", "-F", "-c", str(self.folder / "dovecot.conf"))
        until(self.lmtp.exists, self.name, self.folder / "log")

    def stop(self) -> None:
        if self._master is not None:
            self._master.send_signal(signal.SIGTERM)
            self._master.wait(STOPPING)
            self._master = None


class Postfix(_Mastered):
    """Postfix with a configuration of its own. `main` and `master` are the texts of its files, where {folder} stands for that."""

    name = "Postfix"

    @staticmethod
    def missing() -> str:
        """Why it cannot be measured here; "" when it can."""
        return missing("postfix")

    def __init__(self, folder: Path, main: str, master: str) -> None:
        self.folder = folder
        folder.mkdir(mode=0o755)
        for name, owner in (("queue", "root"), ("data", "postfix")):
            (folder / name).mkdir(mode=0o755)
            shutil.chown(folder / name, owner)
        (folder / "main.cf").write_text(main.format(folder=folder))
        (folder / "master.cf").write_text(master.format(folder=folder))

    def start(self) -> None:
        self._master = _run("postfix", "-c", str(self.folder), "start-fg")
        until(lambda: "daemon started" in _text(self.folder / "log"), self.name, self.folder / "log")

    def stop(self) -> None:
        if (
            self._master is not None
        ):  # what was started is a script that waits for Postfix's master: tell that
            postfix = [found("postfix"), "-c", str(self.folder), "stop"]
            subprocess.run(postfix, check=False, capture_output=True)
            self._master.wait(STOPPING)
            self._master = None


class PostfixDovecot:
    """Postfix in front, Dovecot behind it. `more` is what main.cf of Postfix has besides."""

    name = "Postfix + Dovecot"

    @staticmethod
    def missing() -> str:
        """Why it cannot be measured here; "" when it can."""
        return missing("postfix", "dovecot")

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        folder.mkdir(mode=0o755)
        self._dovecot = Dovecot(folder / "dovecot")
        self.smtp, self.imap = free_port(), self._dovecot.imap
        main = f"{POSTFIX}{DELIVERING}{more}".replace("{dovecot}", str(self._dovecot.lmtp.parent))
        self._postfix = Postfix(folder / "postfix", main, MASTER.replace("{port}", str(self.smtp)))
        (folder / "postfix" / "users").write_text("".join(f"{person} -\n" for person in PEOPLE))

    def start(self) -> None:
        self._dovecot.start()
        self._postfix.start()

    def stop(self) -> None:
        self._postfix.stop()
        self._dovecot.stop()

    def roots(self) -> list[int]:
        return self._dovecot.roots() + self._postfix.roots()

    def cpu(self) -> float:
        return self._dovecot.cpu() + self._postfix.cpu()

    def memory(self) -> float:
        return self._dovecot.memory() + self._postfix.memory()


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate for this server and its key, as files there, which all may read: nobody's secret."""
    made = trustme.CA().issue_cert("mail.bench.test")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return certificate, key


def missing(*programs: str, root: bool = True) -> str:
    """Why these programs cannot be started here; "" when they can. Servers want to begin as root."""
    absent = [name for name in programs if shutil.which(name, path=PATH) is None]
    if absent:
        return f"{' and '.join(absent)} not installed (make bench-deps)"
    return "" if os.geteuid() == 0 or not root else f"{' and '.join(programs)} must be started as root"


def _run(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    command = [found(program), *arguments]
    return subprocess.Popen(command, env={"PATH": PATH}, stdin=nothing, stdout=nothing, stderr=nothing)


def found(program: str) -> str:
    path = shutil.which(program, path=PATH)
    assert path is not None
    return path


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def until(look: Callable[[], T], name: str, log: Path) -> T:
    end = time.monotonic() + STARTING
    while not (seen := look()):
        if time.monotonic() > end:
            raise RuntimeError(f"{name} did not start:\n{_text(log)[-2000:]}")
        time.sleep(0.05)
    return seen
