"""Postfix as another domain's server, from a configuration and a queue of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.interop.network import Namespace, Process
from tests.interop.peer import KINDS, Peer
from tests.interop.programs import eventually, path_of, run
from tests.interop.serving import UNPRIVILEGED

PROGRAMS = ("postfix", "postconf", "sendmail")
ADDRESS = "127.0.0.2"
ADDRESSES = (ADDRESS, "127.0.0.12", "127.0.0.22")
USER = "user@postfix.test"

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
inet_interfaces = 127.0.0.2, 127.0.0.12, 127.0.0.22
inet_protocols = ipv4
smtp_bind_address = 127.0.0.2
smtputf8_enable = yes
mynetworks = 127.0.0.2/32
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/access
smtpd_forbid_bare_newline = normalize
virtual_mailbox_domains = postfix.test, clear.postfix.test, old.postfix.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/users
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
sender_dependent_default_transport_maps = texthash:{folder}/transports
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
127.0.0.12:smtp inet n - n - - smtpd -o smtpd_tls_security_level=none -o syslog_name=postfix/clear
127.0.0.22:smtp inet n - n - - smtpd -o smtpd_tls_security_level=none
    -o syslog_name=postfix/old -o smtpd_discard_ehlo_keywords=pipelining,size,etrn,enhancedstatuscodes,8bitmime,dsn,smtputf8,chunking
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
clear      unix - - n - - smtp -o smtp_tls_security_level=none
old        unix - - n - - smtp -o smtp_tls_security_level=none -o smtp_never_send_ehlo=yes
showq      unix n - n - - showq
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
virtual    unix - n n - - virtual
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


class Postfix(Peer):
    """Postfix as the server of postfix.test."""

    name = "postfix"
    address = ADDRESS

    def __init__(self, folder: Path, namespace: Namespace, authority: Path) -> None:
        super().__init__(folder, namespace)
        self._master: Process | None = None
        for name in ("certificate.pem", "key.pem"):
            shutil.copy(authority.parent / name, folder / name)
        (folder / "main.cf").write_text(MAIN.format(folder=folder, uid=UNPRIVILEGED))
        (folder / "master.cf").write_text(MASTER)
        users = [
            f"{self.at(kind, user)} {user}/" for kind in KINDS for user in ("user", "other", "later", "grün")
        ]
        (folder / "users").write_text("\n".join(users) + "\n")
        (folder / "access").write_text(
            "".join(f"{self.at(kind, 'later')} 450 4.2.0 Not now\n" for kind in KINDS)
        )
        (folder / "transports").write_text("".join(f"@{kind}.postfix.test {kind}:\n" for kind in KINDS[1:]))
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
        """Change main.cf, and let Postfix know if it runs."""
        run("postconf", "-c", self.folder, "-e", *options)
        if self._master is not None:
            run("postfix", "-c", self.folder, "reload", prefix=self._namespace.prefix)

    def send(self, text: bytes, *recipients: str, sender: str = USER) -> None:
        """As a local program does."""
        words = ["-C", str(self.folder), "-f", sender, "-i", "--", *recipients]
        run("sendmail", *words, stdin=text, prefix=self._namespace.prefix)

    def log(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
