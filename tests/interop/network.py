"""A small internet in a network namespace: loopback with many addresses, a name server, and the processes that are run there.

Nothing of it is seen outside, nothing is changed outside, and it is gone when its processes are.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import dns.exception
import dns.message
import dns.query
import dns.zone
from tests.interop.programs import eventually, excuse, path_of
from tests.interop.serving import HOST

PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "mount", "nsd")

_CLONE_NEWNET = 0x40000000  # of setns(2), which Python has since 3.12

NSD = """
server:
  ip-address: {address}
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


class Namespace:
    """A network of its own, with loopback up and `resolver` as the resolver; `prefix` runs a command inside.

    Addresses of 127/8 work without being named here, but some servers want to see theirs on an interface. `instead` are files
    that are seen inside in place of others.
    """

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str] = (),
        *,
        resolver: str = HOST,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        settings = f"nameserver {resolver}\noptions timeout:2 attempts:2 edns0 trust-ad\n"
        lines = ["ip link set lo up", *(f"ip address add {address}/8 dev lo" for address in addresses)]
        for number, (place, text) in enumerate({"/etc/resolv.conf": settings, **(instead or {})}.items()):
            source = folder / f"instead-{number}"
            source.write_text(text)
            lines.append(f"mount --bind {source} {place}")
        self._holder = subprocess.Popen(
            [
                path_of("unshare"),
                "--net",
                "--mount",
                "--",
                "sh",
                "-c",
                " && ".join([*lines, "echo up", "exec cat"]),
            ],
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

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are of this network, and stay so."""
        with Path("/proc/thread-self/ns/net").open() as outside:
            with Path(f"/proc/{self._holder.pid}/ns/net").open() as inside:
                _enter(inside.fileno())
            try:
                yield
            finally:
                _enter(outside.fileno())

    def close(self) -> None:
        self._holder.communicate()  # cat ends when its input does


def _enter(network: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(network, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


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

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def said(self) -> str:
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")

    def stop(self, *, told: bool = False) -> None:
        """Wait for its end, which it has been `told` of or is told by SIGTERM."""
        if not told:
            self.signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


@contextmanager
def made_folder() -> Iterator[Path]:
    """A folder that every user may look into, as they may not below pytest's."""
    if os.geteuid() != 0:
        excuse("port 25 of a network namespace needs root")
    folder = Path(tempfile.mkdtemp(prefix="correo-scene-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class NameServer:
    """nsd with `zones`: the text of each by its name, which ends with a dot."""

    def __init__(self, folder: Path, namespace: Namespace, zones: Mapping[str, str], address: str) -> None:
        self._folder = folder
        self._namespace = namespace
        self._address = address
        text = NSD.format(folder=folder, address=address)
        for name, records in zones.items():
            self._write(name, records)
            text += f'zone:\n  name: "{name}"\n  zonefile: "{name}zone"\n'
        (folder / "nsd.conf").write_text(text)
        command = [path_of("nsd"), "-d", "-c", str(folder / "nsd.conf")]
        self._process = process = Process("nsd", *namespace.prefix, *command)
        eventually(lambda: process.alive() and "nsd started" in process.said(), "the start of nsd")

    def replace(self, name: str, records: str) -> None:
        """Another zone of this name, with another serial number; it is there when this returns."""
        self._write(name, records)
        serial = dns.zone.from_text(records, origin=name).get_soa().serial
        question = dns.message.make_query(name, "SOA")
        self._process.signal(signal.SIGHUP)

        def there() -> bool:
            with self._namespace.inside():
                try:
                    answer = dns.query.udp(question, self._address, timeout=1)
                except dns.exception.Timeout:  # between two of its processes
                    return False
            return f" {serial} " in answer.to_text()

        eventually(there, f"serial number {serial} of {name}")

    def stop(self) -> None:
        self._process.stop()

    def _write(self, name: str, records: str) -> None:
        (self._folder / f"{name}zone").write_text(f"$ORIGIN {name}\n{records}")
