"""A small internet in a network namespace: a name server, Correo and Postfix, each on the ports of the real one.

127.0.0.1 is mail.correo.test (and the name server), 127.0.0.2 is mx.postfix.test. Nothing of it is seen outside, nothing is changed
outside, and it is gone when its processes are. Postfix runs from a configuration and a queue of its own, below the scene's folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.interop.programs import Result, eventually, excuse, path_of, run
from tests.interop.serving import ALICE, HOST, PASSWORD, UNPRIVILEGED, Correo, copied

PROGRAMS = (
    "unshare",
    "nsenter",
    "setpriv",
    "ip",
    "mount",
    "nsd",
    "postfix",
    "postconf",
    "sendmail",
    "swaks",
    "curl",
)
PEER = "127.0.0.2"
USER = "user@postfix.test"

ZONES = {
    "test.": """
$TTL 1
@           SOA   ns root 1 3600 3600 86400 1
@           NS    ns
ns          A     127.0.0.1
correo      MX 10 mail.correo
other       MX 10 mail.correo
mail.correo A     127.0.0.1
postfix     MX 10 mx.postfix
mx.postfix  A     127.0.0.2
nullmx      MX 0  .
""",
    "127.in-addr.arpa.": """
$TTL 1
@     SOA ns.test. root.test. 1 3600 3600 86400 1
@     NS  ns.test.
1.0.0 PTR mail.correo.test.
2.0.0 PTR mx.postfix.test.
""",
}

NSD = """
server:
  ip-address: 127.0.0.1@53
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: ""
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  hide-version: yes
remote-control:
  control-enable: no
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.postfix.test
mydomain = postfix.test
myorigin = postfix.test
mydestination =
inet_interfaces = 127.0.0.2
inet_protocols = ipv4
smtp_bind_address = 127.0.0.2
mynetworks = 127.0.0.2/32
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_forbid_bare_newline = normalize
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/users
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
alias_maps =
alias_database =
local_recipient_maps =
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtp_tls_security_level = may
smtp_tls_loglevel = 1
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
message_size_limit = 50000000
"""
MASTER = """
127.0.0.2:smtp inet n - n - - smtpd
pickup     unix n - n 1 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 1 1 qmgr
tlsmgr     unix - - n 300 1 tlsmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
flush      unix n - n 300 0 flush
proxymap   unix - - n - - proxymap
smtp       unix - - n - - smtp
showq      unix n - n - - showq
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
virtual    unix - n n - - virtual
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


class Namespace:
    """A network of its own, with loopback up and our name server as the resolver; `prefix` runs a command inside."""

    def __init__(self, folder: Path) -> None:
        (folder / "resolv.conf").write_text(f"nameserver {HOST}\noptions timeout:2 attempts:2\n")
        lines = [
            "ip link set lo up",
            f"ip address add {PEER}/8 dev lo",  # it works without, but Postfix wants to see the address on an interface
            f"mount --bind {folder}/resolv.conf /etc/resolv.conf",
            "echo up",
            "exec cat",
        ]
        self._holder = subprocess.Popen(
            [path_of("unshare"), "--net", "--mount", "--", "sh", "-c", " && ".join(lines)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        assert self._holder.stderr is not None
        if self._holder.stdout.readline() != b"up\n":
            why = self._holder.stderr.read().decode("utf-8", "replace").strip()
            self.close()
            excuse(f"a network namespace cannot be made here: {why}")
        self.prefix = (path_of("nsenter"), "--target", str(self._holder.pid), "--net", "--mount", "--")

    def close(self) -> None:
        self._holder.communicate()  # cat ends when its input does


class Process:
    """A server of somebody else in the foreground; its output is kept for when it fails."""

    def __init__(self, name: str, *command: str) -> None:
        self.name = name
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def alive(self) -> bool:
        assert self._process.poll() is None, (
            f"{self.name} ended with {self._process.returncode}:\n{self.said()}"
        )
        return True

    def said(self) -> str:
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")

    def stop(self, *, told: bool = False) -> None:
        """Wait for its end, which it has been `told` of or is told by SIGTERM."""
        if not told:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


class Postfix:
    """Postfix as the server of postfix.test."""

    def __init__(self, folder: Path, namespace: Namespace) -> None:
        self.folder = folder
        self._namespace = namespace
        self._master: Process | None = None
        (folder / "main.cf").write_text(MAIN.format(folder=folder, uid=UNPRIVILEGED))
        (folder / "master.cf").write_text(MASTER)
        (folder / "users").write_text(f"{USER} user/\nother@postfix.test other/\n")
        for name, owner in (("queue", "root"), ("data", "postfix"), ("mail", "nobody")):
            (folder / name).mkdir(mode=0o755)
            shutil.chown(folder / name, owner)

    def start(self) -> None:
        command = [path_of("postfix"), "-c", str(self.folder), "start-fg"]
        before = self.log().count("daemon started")
        self._master = master = Process("postfix", *self._namespace.prefix, *command)
        eventually(
            lambda: master.alive() and self.log().count("daemon started") > before, "the start of Postfix"
        )

    def stop(self) -> None:
        if self._master is not None:
            # What was started is a script that waits for the master; this reaches the master and all its children.
            run("postfix", "-c", self.folder, "stop", prefix=self._namespace.prefix, code=None)
            self._master.stop(told=True)
            self._master = None

    def set(self, *options: str) -> None:
        """Change main.cf, and let the running Postfix know."""
        run("postconf", "-c", self.folder, "-e", *options)
        run("postfix", "-c", self.folder, "reload", prefix=self._namespace.prefix)

    def send(self, text: bytes, *recipients: str, sender: str = USER) -> None:
        """As a local program does."""
        words = ["-C", str(self.folder), "-f", sender, "-i", "--", *recipients]
        run("sendmail", *words, stdin=text, prefix=self._namespace.prefix)

    def messages(self, user: str = "user") -> list[bytes]:
        return [path.read_bytes() for path in sorted((self.folder / "mail" / user / "new").glob("*"))]

    def log(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""


class Scene:
    """Everything together."""

    def __init__(self, namespace: Namespace, correo: Correo, postfix: Postfix, authority: Path) -> None:
        self.namespace = namespace
        self.correo = correo
        self.postfix = postfix
        self._authority = authority

    def run(self, *command: str, stdin: bytes = b"", code: int | None = 0) -> Result:
        return run(*command, stdin=stdin, code=code, prefix=self.namespace.prefix)

    def alice_sends(self, text: bytes, *recipients: str) -> None:
        """By submission."""
        login = ["--auth", "PLAIN", "--auth-user", ALICE, "--auth-password", PASSWORD]
        addresses = ["--from", ALICE, "--to", ",".join(recipients), "--server", HOST, "--port", "587"]
        self.run("swaks", "--tls", *login, *addresses, "--data", "-", stdin=text)

    def inbox(self, address: str = ALICE) -> list[bytes]:
        """By IMAP, as it is now."""
        url = f"imap://{HOST}/INBOX"
        words = ["curl", "--silent", "--show-error", "--user", f"{address}:{PASSWORD}"]
        numbers = self.run(*words, f"{url}?ALL").out.split()[2:]
        return [self.run(*words, f"{url};MAILINDEX={number}").out.encode() for number in numbers]


@contextmanager
def staged(template: Path, authority: Path) -> Iterator[Scene]:
    """The scene, up; at its end everything is stopped, and Correo judged."""
    if os.geteuid() != 0:
        excuse("Postfix on port 25 of a network namespace needs root")
    folder = Path(
        tempfile.mkdtemp(prefix="correo-scene-")
    )  # below pytest's folders Postfix's own user may not look
    folder.chmod(0o755)
    stack: list[Process] = []
    try:
        namespace = Namespace(folder)
        try:
            stack.append(_name_server(folder, namespace))
            postfix = _postfix(folder, namespace, authority)
            correo = Correo(copied(template, folder / "correo"), prefix=namespace.prefix)
            ports = {"smtp": 25, "submission": 587, "imap": 143}
            correo.configure(dns="[]", listeners=tuple((name, "starttls") for name in ports), ports=ports)
            try:
                postfix.start()
                correo.start()
                yield Scene(namespace, correo, postfix, authority)
                correo.stop()
            finally:
                correo.kill()
                postfix.stop()
        finally:
            for process in stack:
                process.stop()
            namespace.close()
    finally:
        shutil.rmtree(folder)


def _name_server(folder: Path, namespace: Namespace) -> Process:
    zones = folder / "zones"
    zones.mkdir()
    text = NSD.format(folder=zones)
    for name, records in ZONES.items():
        (zones / name).write_text(f"$ORIGIN {name}\n{records}")
        text += f'zone:\n  name: "{name}"\n  zonefile: "{name}"\n'
    (zones / "nsd.conf").write_text(text)
    process = Process("nsd", *namespace.prefix, path_of("nsd"), "-d", "-c", str(zones / "nsd.conf"))
    eventually(lambda: process.alive() and "nsd started" in process.said(), "the start of nsd")
    return process


def _postfix(folder: Path, namespace: Namespace, authority: Path) -> Postfix:
    place = folder / "postfix"
    place.mkdir()
    for name in ("certificate.pem", "key.pem"):
        shutil.copy(authority.parent / name, place / name)
    return Postfix(place, namespace)
