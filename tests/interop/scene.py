"""Correo among other servers in a small internet, each on the ports of the real one.

127.0.0.1 is mail.correo.test (and the name server), 127.0.0.2 is mx.postfix.test, 127.0.0.3 mx.exim.test. With a 1 before the last
digit it is the same server without TLS, and with a 2 the same as servers were long ago (`peer.KINDS`).
"""

from __future__ import annotations

import base64
import email
import json
import quopri
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from email.message import Message
from pathlib import Path

from tests.interop import dnssec, network
from tests.interop import exim as exims
from tests.interop import postfix as postfixes
from tests.interop.exim import Exim
from tests.interop.network import NameServer, Namespace
from tests.interop.peer import Peer
from tests.interop.postfix import Postfix
from tests.interop.programs import eventually
from tests.interop.serving import ALICE, HOST, PASSWORD, Correo, copied, subject

BEHIND = "127.0.0.4"  # the name server, where a resolver is between
PROGRAMS = (*network.PROGRAMS, *postfixes.PROGRAMS)

ZONES = {
    "test.": """
$TTL 1
@           SOA   ns root 1 3600 3600 86400 1
@           NS    ns
ns          A     127.0.0.1
correo      MX 10 mail.correo
other       MX 10 mail.correo
mail.correo A     127.0.0.1
postfix          MX 10 mx.postfix
mx.postfix       A     127.0.0.2
clear.postfix    MX 10 mx.clear.postfix
mx.clear.postfix A     127.0.0.12
old.postfix      MX 10 mx.old.postfix
mx.old.postfix   A     127.0.0.22
exim             MX 10 mx.exim
mx.exim          A     127.0.0.3
clear.exim       MX 10 mx.clear.exim
mx.clear.exim    A     127.0.0.13
old.exim         MX 10 mx.old.exim
mx.old.exim      A     127.0.0.23
nullmx      MX 0  .
""",
    "127.in-addr.arpa.": """
$TTL 1
@     SOA ns.test. root.test. 1 3600 3600 86400 1
@     NS  ns.test.
1.0.0 PTR mail.correo.test.
2.0.0 PTR mx.postfix.test.
3.0.0 PTR mx.exim.test.
""",
}


class Scene:
    """Everything together."""

    def __init__(
        self,
        namespace: Namespace,
        names: NameServer,
        correo: Correo,
        postfix: Postfix,
        authority: Path,
        exim: Exim | None = None,
    ) -> None:
        self.namespace = namespace
        self.names = names
        self.correo = correo
        self.postfix = postfix
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._exim = exim

    @property
    def exim(self) -> Exim:
        assert self._exim is not None
        return self._exim

    @property
    def peers(self) -> dict[str, Peer]:
        return {peer.name: peer for peer in (self.postfix, self._exim) if peer is not None}

    @contextmanager
    def submission(self, user: str = ALICE) -> Iterator[smtplib.SMTP]:
        """Logged in to Correo."""
        with self.namespace.inside():
            smtp = smtplib.SMTP(HOST, 587, local_hostname="desk.test", timeout=10)
        with smtp:
            smtp.starttls(context=self._trust)
            smtp.ehlo()
            login = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()  # `login` knows only ASCII
            assert smtp.docmd("AUTH PLAIN", login)[0] == 235
            yield smtp

    def alice_sends(
        self, text: bytes, *recipients: str, mail: Sequence[str] = (), rcpt: Sequence[str] = ()
    ) -> None:
        """By submission, with these parameters of MAIL and of each RCPT."""
        with self.submission() as smtp:
            assert smtp.sendmail(ALICE, recipients, text, mail, rcpt) == {}

    def inbox(self, address: str = ALICE, wanted: str = "ALL") -> list[bytes]:
        """By IMAP, as it is now."""
        with self.namespace.inside():
            return self.correo.messages(address, wanted=wanted)

    def delete_queue(self) -> int:
        """Delete what waits in Correo, as soon as it does; how many."""

        def delete() -> int:
            done = self.correo.cli("queue", "delete", "--all", "--json", code=None)
            return int(json.loads(done.out)["deleted"]) if done.code == 0 else 0

        return eventually(delete, "that mail waits")

    # -- what arrives ------------------------------------------------------------------------------------------------

    def at_peer(self, peer: Peer, name: str, user: str = "user") -> bytes:
        """The message with that subject at another server, as soon as it is there."""
        return self._arrived(lambda: peer.messages(user), name)

    def at_correo(self, name: str, address: str = ALICE) -> bytes:
        """The message with that subject in an inbox of Correo, as soon as it is there."""
        wanted = f'SUBJECT "{name}"' if name.isascii() else "ALL"
        return self._arrived(lambda: self.inbox(address, wanted), name)

    def _arrived(self, texts: Callable[[], list[bytes]], name: str) -> bytes:
        try:
            found = eventually(
                lambda: [text for text in texts() if subject(text) == name], f"the arrival of {name!r}"
            )
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.logs()}") from None
        (text,) = found
        return text

    def logs(self) -> str:
        """What everybody said lately, for the message of an assertion."""
        peers = ["\n".join(peer.log().splitlines()[-40:]) for peer in self.peers.values()]
        return "\n".join([self.correo.shown(), *peers])


def reports(texts: list[bytes], about: str) -> list[Message]:
    """The delivery reports that name the address `about`."""
    messages = [email.message_from_bytes(text) for text in texts]
    return [message for message in messages if message.is_multipart() and f";{about}\n" in status(message)]


def status(report: Message) -> str:
    """The machine-readable part of a delivery report, decoded, and without what may be between a type and its value."""
    for part in report.walk():
        if part.get_content_type() == "message/delivery-status":
            return part.as_string().replace("; ", ";")
        if (
            part.get_content_type() == "message/global-delivery-status"
        ):  # RFC 6533 §3; Python takes it for a message
            text = part.as_bytes().partition(b"\n\n")[2]
            if part["Content-Transfer-Encoding"] == "quoted-printable":
                text = quopri.decodestring(text)
            return text.decode("utf-8", "replace").replace("\r\n", "\n").replace("; ", ";")
    return ""


@contextmanager
def staged(
    template: Path,
    authority: Path,
    *,
    exim: bool = False,
    zones: Mapping[str, str] = ZONES,
    anchor: str = "",
    theirs: Path | None = None,
    settings: Sequence[str] = (),
    transport: str = "",
) -> Iterator[Scene]:
    """The scene, up; at its end everything is stopped, and Correo judged.

    `anchor`: the zones are signed, this vouches for them, and a resolver that checks it is between. `theirs`: the authority of the
    other servers' certificates, which are beside it. `settings` are for Postfix, `transport` for Correo.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(network.made_folder())
        namespace = Namespace(folder, postfixes.ADDRESSES, instead=exims.accounts() if exim else None)
        stack.callback(namespace.close)
        server = BEHIND if anchor else HOST
        names = NameServer(made(folder / "zones"), namespace, zones, server)
        stack.callback(names.stop)
        if anchor:
            stack.enter_context(dnssec.resolver(folder, namespace, anchor, server=server))
        postfix = Postfix(made(folder / "postfix"), namespace, theirs or authority)
        if settings:
            postfix.set(*settings)
        peer = Exim(made(folder / "exim"), namespace, theirs or authority) if exim else None
        correo = Correo(copied(template, folder / "correo"), prefix=namespace.prefix)
        ports = {"smtp": 25, "submission": 587, "imap": 143}
        listeners = tuple((name, "starttls") for name in ports)
        correo.configure(dns="[]", listeners=listeners, ports=ports, transport=transport)
        scene = Scene(namespace, names, correo, postfix, authority, peer)
        for other in scene.peers.values():
            stack.callback(other.stop)
            other.start()
        stack.callback(correo.kill)
        correo.start()
        yield scene
        correo.stop()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
