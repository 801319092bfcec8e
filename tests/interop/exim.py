"""Exim as another domain's server, from a configuration and a spool of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.interop.network import Namespace, Process
from tests.interop.peer import Peer
from tests.interop.programs import eventually, excuse, run
from tests.interop.serving import UNPRIVILEGED, unprivileged

PROGRAM = Path("/usr/local/lib/correo-interop/exim4")  # see `install`

ADDRESS = "127.0.0.3"

# Each of its addresses is a server of another kind, and so is what it sends for each of its domains.
CONFIGURATION = """
exim_path = {program}
primary_hostname = mx.exim.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/pid
exim_user = nobody
exim_group = nogroup
deliver_drop_privilege
keep_environment =
local_interfaces = 127.0.0.3 : 127.0.0.13 : 127.0.0.23
daemon_smtp_ports = 25
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
tls_advertise_hosts = ${{if eq{{$received_ip_address}}{{127.0.0.3}}{{*}}}}
chunking_advertise_hosts = ${{if eq{{$received_ip_address}}{{127.0.0.23}}{{}}{{*}}}}
dsn_advertise_hosts = ${{if eq{{$received_ip_address}}{{127.0.0.23}}{{}}{{*}}}}
pipelining_advertise_hosts = ${{if eq{{$received_ip_address}}{{127.0.0.23}}{{}}{{*}}}}
smtputf8_advertise_hosts = ${{if eq{{$received_ip_address}}{{127.0.0.23}}{{}}{{*}}}}
accept_8bitmime
message_size_limit = 50M
log_selector = +all -pid -queue_run -smtp_connection -smtp_no_mail -arguments
smtp_accept_max_per_connection = 0
dns_dnssec_ok = 1
domainlist ours = exim.test : *.exim.test
acl_smtp_rcpt = rcpt
acl_smtp_data = data
acl_smtp_predata = accept

begin acl
rcpt:
  accept hosts = 127.0.0.3
  defer local_parts = later
        message = 4.2.0 not now
  deny local_parts = suspicious
       message = 5.1.8 no such sender
       ! verify = sender/callout=5s
  accept domains = +ours
         verify = recipient
  deny message = 5.1.1 no such user

data:
  deny condition = ${{if match{{$h_subject:}}{{refused}}}}
       message = 5.7.1 not with this subject
  accept

begin routers
here:
  driver = accept
  domains = +ours
  local_parts = user : other : later : suspicious : grün
  transport = maildir
unknown:
  driver = redirect
  domains = +ours
  allow_fail
  data = :fail: 5.1.1 no such user
elsewhere:
  driver = dnslookup
  self = send
  dnssec_request_domains = *
  transport = smtp

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/$local_part_data
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
smtp:
  driver = smtp
  interface = 127.0.0.3
  hosts_avoid_tls = ${{if eq{{$sender_address_domain}}{{exim.test}}{{}}{{*}}}}
  hosts_avoid_esmtp = ${{if eq{{$sender_address_domain}}{{old.exim.test}}{{*}}}}
  tls_verify_certificates = {folder}/authority.pem
  tls_try_verify_hosts = *
  hosts_try_chunking = *

begin retry
* * F,1h,1s
"""


def accounts() -> dict[str, str]:
    """Files in /etc with the user and the group that Debian has built into Exim, and which need not exist here."""
    added = {
        "/etc/passwd": f"Debian-exim:x:{UNPRIVILEGED}:{UNPRIVILEGED}::/nonexistent:/usr/sbin/nologin\n",
        "/etc/group": f"Debian-exim:x:{UNPRIVILEGED}:\n",
    }
    return {place: line + Path(place).read_text() for place, line in added.items()}


class Exim(Peer):
    """Exim as the server of exim.test."""

    name = "exim"
    address = ADDRESS

    def __init__(self, folder: Path, namespace: Namespace, authority: Path) -> None:
        super().__init__(folder, namespace)
        if not PROGRAM.exists():
            excuse(f"{PROGRAM} is not there (make test-deps)")
        self._daemon: Process | None = None
        for name in ("spool", "log", "mail"):
            (folder / name).mkdir()
        for name in ("certificate.pem", "key.pem", "authority.pem"):
            shutil.copy(authority.parent / name, folder / name)
        for path in [folder, *folder.iterdir()]:
            shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        self._configuration = folder / "exim.conf"
        self._configuration.write_text(CONFIGURATION.format(folder=folder, program=PROGRAM))

    def start(self) -> None:
        before = self.log().count("daemon started")
        self._daemon = daemon = Process("exim", *self._command("-bdf", "-q1s"))
        eventually(
            lambda: daemon.alive() and self.log().count("daemon started") > before, "the start of Exim"
        )

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    def send(self, text: bytes, *recipients: str, sender: str) -> None:
        """As a local program does."""
        program, *words = self._command("-f", sender, "-i", "--", *recipients)
        run(program, *words, stdin=text)

    def log(self) -> str:
        try:
            return (self.folder / "log" / "main").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def _command(self, *words: str) -> list[str]:
        return [
            *self._namespace.prefix,
            *unprivileged(),
            str(PROGRAM),
            "-C",
            str(self._configuration),
            *words,
        ]
