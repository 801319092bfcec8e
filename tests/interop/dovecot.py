"""Dovecot with a configuration of its own, and the bare protocol to ask it and Correo the same."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.programs import eventually, path_of
from tests.interop.serving import ALICE, HOST, PASSWORD, UNPRIVILEGED

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = {protocols}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%n{layout}
mail_save_crlf = {crlf}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
{more}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

POP3 = """
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
protocol pop3 {{
  pop3_uidl_format = %08Xu%08Xv
  pop3_save_uidl = {save}
}}
"""

Tree = bytes | tuple[bytes] | list["Tree"]  # an atom, a string however it was sent, a list


class Client:
    """The bare protocol: what is said to one command, response by response."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=20)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        assert self.say(f"LOGIN {ALICE} {PASSWORD}")[-1].startswith(b"OK")

    def say(self, command: str, literal: bytes | None = None) -> list[bytes]:
        """The untagged responses, and last the tagged one without its tag."""
        octets = b"tag " + command.encode()
        if literal is not None:
            octets += b" {%d+}\r\n%b" % (len(literal), literal)
        self._socket.sendall(octets + b"\r\n")
        said = []
        while not (response := self._response()).startswith(b"tag "):
            said.append(response.removeprefix(b"* "))
        return [*said, response.removeprefix(b"tag ")]

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _response(self) -> bytes:
        response = b""
        while True:
            line = self._file.readline()
            assert line, "the server closed"
            response += line
            literal = re.search(rb"\{(\d+)\}\r\n\Z", line)
            if literal is None:
                return response.removesuffix(b"\r\n")
            response += self._file.read(int(literal[1]))


_TOKEN = re.compile(
    rb' *(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|([^ ()"\[{]+(?:\[[^\]]*\](?:<\d+>)?)?))', re.S
)


def tree(octets: bytes) -> list[Tree]:
    """What follows `* 1 FETCH`, taken apart."""
    stack: list[list[Tree]] = [[]]
    at = 0
    while match := _TOKEN.match(octets, at):
        at = match.end()
        if match[1]:
            stack.append([])
        elif match[2]:
            done = stack.pop()
            stack[-1].append(done)
        elif match[4]:
            stack[-1].append((octets[at : at + int(match[4])],))
            at += int(match[4])
        else:
            stack[-1].append(match[5] or (re.sub(rb"\\(.)", rb"\1", match[3]),))
    assert at == len(octets), octets[at:]
    return stack[0]


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A server of our own; `pop3` is 0 where it speaks none."""

    folder: Path
    imap: int
    pop3: int

    def mail(self, user: str) -> Path:
        """Where the Maildir of a user is."""
        return self.folder / "mail" / user

    def give(self, path: Path) -> None:
        """Make files that we put there its own."""
        uid, gid = (UNPRIVILEGED, UNPRIVILEGED) if os.getuid() == 0 else (os.getuid(), os.getgid())
        for one in [path, *path.rglob("*")]:
            os.chown(one, uid, gid)


@contextmanager
def serving() -> Iterator[int]:
    """The IMAP port of a Dovecot that keeps everything in a folder of its own."""
    with running() as dovecot:
        yield dovecot.imap


@contextmanager
def running(
    *, pop3: bool = False, crlf: bool = True, layout: str = "", save_uidl: bool = False, packing: str = ""
) -> Iterator[Dovecot]:
    """`layout`: "" is Maildir++, or "fs". Files have CR LF where `crlf` says so. `save_uidl`: it keeps what POP3 was told.

    `packing`: how its plugin zlib compresses messages, "" not at all.
    """
    folder = Path(tempfile.mkdtemp(prefix="correo-dovecot-"))  # below pytest's folders its user may not look
    (folder / "mail").mkdir()
    port, other = _free_ports()
    pop3_port = other if pop3 else 0
    uid, gid, user, group = os.getuid(), os.getgid(), str(os.getuid()), str(os.getgid())
    if uid == 0:
        uid = gid = UNPRIVILEGED
        user, group = "nobody", "nogroup"
        folder.chmod(0o755)
        os.chown(folder / "mail", uid, gid)
    config = CONFIG.format(
        folder=folder,
        port=port,
        uid=uid,
        gid=gid,
        user=user,
        group=group,
        password=PASSWORD,
        protocols="imap pop3" if pop3 else "imap",
        layout=f":LAYOUT={layout}" if layout else "",
        crlf="yes" if crlf else "no",
        more=(POP3.format(port=pop3_port, save="yes" if save_uidl else "no") if pop3 else "")
        + (f"mail_plugins = zlib\nplugin {{\n  zlib_save = {packing}\n}}\n" if packing else ""),
    )
    (folder / "dovecot.conf").write_text(config)
    try:
        command = [path_of("dovecot"), "-F", "-c", str(folder / "dovecot.conf")]
        process = subprocess.Popen(command, env={**os.environ, "TZ": "UTC"})
        try:
            eventually(lambda: _listens(port) and _listens(pop3_port or port), "dovecot is ready")
            yield Dovecot(folder, port, pop3_port)
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(folder)


def _free_ports() -> tuple[int, int]:
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
