"""Ways to log in without a password that crosses the line: GNU SASL for SCRAM and channel binding, Python for CRAM-MD5, curl and msmtp for tokens, curl
and mpop for certificates; a small HTTP server says whose the tokens are."""

from __future__ import annotations

import imaplib
import json
import smtplib
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import trustme
from tests.interop.programs import Result, run
from tests.interop.serving import ALICE, BOB, HOST, PASSWORD, Correo, copied, give_away, letter, subject

PROGRAMS = ("gsasl", "curl", "msmtp", "mpop")
GOOD, SECRET = "opensesame", "introspection-secret"
NO_LOGIN = 67  # curl(1)
REFUSED = 77  # sysexits(3)
TLS_1_2 = "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2"


class Introspection(BaseHTTPRequestHandler):
    """RFC 7662 for one token, to one client."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        known = self.headers["Authorization"] == "Basic " + b64encode(f"correo:{SECRET}".encode()).decode()
        good = known and asked["token"] == [GOOD]
        facts = {"active": True, "email": ALICE, "scope": "openid mail", "exp": 4102444800}
        body = json.dumps(facts if good else {"active": False}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test's own output is enough."""


@pytest.fixture
def authority_server() -> Iterator[int]:
    """The port of the authorization server."""
    server = ThreadingHTTPServer((HOST, 0), Introspection)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def people(home: Path) -> Path:
    """Where the authority of people's certificates is, and that of alice."""
    issuer = trustme.CA()
    issuer.cert_pem.write_to_path(str(home / "people.pem"))
    issued = issuer.issue_cert(ALICE, common_name="Alice")
    issued.cert_chain_pems[0].write_to_path(str(home / "alice.pem"))
    issued.private_key_pem.write_to_path(str(home / "alice.key"))
    (home / "alice.key").chmod(0o600)
    return home


@pytest.fixture
def open_to_all(template: Path, tmp_path: Path, authority_server: int, people: Path) -> Iterator[Correo]:
    """A server with every mechanism and the default otherwise; alice's password was set for it."""
    server = Correo(copied(template, tmp_path / "correo"))
    server.configure(plaintext=False)
    text = server.config.read_text()
    mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "EXTERNAL"]
    mechanisms += ["OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN", "CRAM-MD5"]
    text = text.replace("[auth]\n", f"[auth]\nmechanisms = {json.dumps(mechanisms)}\n")
    text = text.replace("[tls]\n", '[tls]\nclient_ca = "people.pem"\n')
    text += f"""
[oauth]
introspection = "http://{HOST}:{authority_server}/introspect"
client_id = "correo"
client_secret_file = "secret"
claim = "email"
scope = "mail"
"""
    server.config.write_text(text)
    (server.folder / "secret").write_text(SECRET + "\n")
    (server.folder / "people.pem").write_bytes((people / "people.pem").read_bytes())
    give_away(server.folder)
    server.cli("account", "passwd", ALICE, "--password-file", "-", stdin=PASSWORD + "\n")
    server.start()
    try:
        yield server
        server.stop()
    finally:
        server.kill()


class Gsasl:
    def __init__(self, correo: Correo, authority: Path, home: Path) -> None:
        self._correo = correo
        self._home = home
        self._words = [f"--x509-ca-file={authority}", "--starttls", "--verbose"]

    def __call__(self, protocol: str, *words: str, password: str = PASSWORD, code: int = 0) -> Result:
        __tracebackhide__ = True
        option, listener = {"imap": ("--imap", "imap"), "smtp": ("--smtp", "submission")}[protocol]
        login = [f"--authentication-id={ALICE}", f"--authorization-id={ALICE}", f"--password={password}"]
        place = f"--connect=localhost:{self._correo.port(listener)}"
        return run("gsasl", option, place, *self._words, *login, *words, home=self._home, code=code)


@pytest.fixture
def gsasl(open_to_all: Correo, authority: Path, home: Path) -> Gsasl:
    return Gsasl(open_to_all, authority, home)


def test_gsasl_with_channel_binding(gsasl: Gsasl) -> None:
    """Under TLS 1.2 by tls-unique; of its own accord it takes the strongest."""
    for protocol in ("imap", "smtp"):
        for mechanism in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
            gsasl(protocol, f"--priority={TLS_1_2}", f"--mechanism={mechanism}")
            gsasl(protocol, f"--priority={TLS_1_2}", f"--mechanism={mechanism}", password="wrong", code=1)
        said = gsasl(protocol, f"--priority={TLS_1_2}")
        assert "SCRAM-SHA-256-PLUS" in said.out + said.err


def test_gsasl_without_channel_binding(gsasl: Gsasl) -> None:
    """It has to be told, or it refuses by itself any mechanism without binding over a connection that could be bound."""
    for protocol in ("imap", "smtp"):
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            gsasl(protocol, f"--mechanism={mechanism}", "--no-cb")
            gsasl(protocol, f"--mechanism={mechanism}", "--no-cb", f"--priority={TLS_1_2}")
            gsasl(protocol, f"--mechanism={mechanism}", "--no-cb", password="wrong", code=1)


def test_gsasl_with_cram_md5(gsasl: Gsasl) -> None:
    for protocol in ("imap", "smtp"):
        gsasl(protocol, "--mechanism=CRAM-MD5")
        gsasl(protocol, "--mechanism=CRAM-MD5", password="wrong", code=1)


def test_python_with_cram_md5_and_without_tls(open_to_all: Correo) -> None:
    with imaplib.IMAP4(HOST, open_to_all.port("imap")) as imap:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            imap.login_cram_md5(ALICE, "wrong")
        assert imap.login_cram_md5(ALICE, PASSWORD)[0] == "OK"
    with smtplib.SMTP(HOST, open_to_all.port("submission")) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(ALICE, "wrong")
        assert smtp.login(ALICE, PASSWORD)[0] == 235


class Curl:
    def __init__(self, correo: Correo, authority: Path, home: Path) -> None:
        self._correo = correo
        self._words = ["--silent", "--show-error", "--max-time", "20", "--cacert", str(authority)]
        self._home = home

    def __call__(
        self, protocol: str, *words: str, user: str = ALICE, password: str = "", code: int | None = 0
    ) -> Result:
        __tracebackhide__ = True
        listener = {"smtp": "submission"}.get(protocol, protocol)
        place = f"{protocol}s://localhost:{self._correo.port(listener, 'implicit')}"
        if protocol == "smtp":
            (self._home / "letter").write_bytes(letter("by curl"))
            words = (
                *words,
                "--mail-from",
                ALICE,
                "--mail-rcpt",
                BOB,
                "--upload-file",
                str(self._home / "letter"),
            )
        return run(
            "curl", *self._words, "--user", f"{user}:{password}", *words, place, home=self._home, code=code
        )


@pytest.fixture
def curl(open_to_all: Correo, authority: Path, home: Path) -> Curl:
    return Curl(open_to_all, authority, home)


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_curl_with_a_token(open_to_all: Correo, curl: Curl, protocol: str, mechanism: str) -> None:
    options = ["--login-options", f"AUTH={mechanism}"]
    curl(protocol, *options, "--oauth2-bearer", GOOD)
    curl(protocol, *options, "--oauth2-bearer", "wrong", code=NO_LOGIN)
    curl(protocol, *options, "--oauth2-bearer", GOOD, user=BOB, code=NO_LOGIN)
    open_to_all.await_log("login", account=ALICE)


@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_curl_with_cram_md5(curl: Curl, protocol: str) -> None:
    options = ["--login-options", "AUTH=CRAM-MD5"]
    curl(protocol, *options, password=PASSWORD)
    curl(protocol, *options, password="wrong", code=NO_LOGIN)


@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_curl_with_a_certificate(curl: Curl, people: Path, protocol: str) -> None:
    options = ["--login-options", "AUTH=EXTERNAL"]
    shown = ["--cert", str(people / "alice.pem"), "--key", str(people / "alice.key")]
    curl(protocol, *options, *shown)
    curl(protocol, *options, *shown, user=BOB, code=NO_LOGIN)
    curl(protocol, *options, code=NO_LOGIN)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_of_somebody_elses_authority(
    open_to_all: Correo, authority: Path, home: Path, curl: Curl, version: str
) -> None:
    """It ends in the handshake, and the server thinks nothing of it."""
    issued = trustme.CA().issue_cert(ALICE)
    issued.private_key_and_cert_chain_pem.write_to_path(str(home / "other.pem"))
    words = ["--cert", str(home / "other.pem"), "--tls-max", version, "--login-options", "AUTH=EXTERNAL"]
    assert curl("imap", *words, code=None).code != 0
    place = f"imap://localhost:{open_to_all.port('imap')}"
    common = ["--silent", "--ssl-reqd", "--cacert", str(authority), "--user", f"{ALICE}:", "--max-time", "20"]
    assert run("curl", *common, *words, place, home=home, code=None).code != 0


RC = """
defaults
host localhost
port {port}
user {user}
passwordeval "printf %s '{password}'"
auth {auth}
tls on
tls_trust_file {authority}
{more}
account default
"""


@pytest.mark.parametrize(
    ("auth", "password", "code"),
    [
        ("scram-sha-1", PASSWORD, 0),
        ("scram-sha-1", "wrong", REFUSED),
        ("cram-md5", PASSWORD, 0),
        ("cram-md5", "wrong", REFUSED),
        ("on", PASSWORD, 0),
        ("oauthbearer", GOOD, 0),
        ("oauthbearer", "wrong", REFUSED),
        ("xoauth2", GOOD, 0),
        ("xoauth2", "wrong", REFUSED),
        ("external", "is not asked for", 0),
    ],
)
def test_msmtp_and_mpop(
    open_to_all: Correo, authority: Path, people: Path, auth: str, password: str, code: int
) -> None:
    home = people
    certificate = f"tls_cert_file {home}/alice.pem\ntls_key_file {home}/alice.key"
    more = certificate if auth == "external" else ""
    for name in ("new", "cur", "tmp"):
        (home / "mail" / name).mkdir(parents=True)
    facts = {"user": ALICE, "password": password, "auth": auth, "authority": authority}
    _write(home / "msmtprc", RC, port=open_to_all.port("submission"), more=f"from {ALICE}\n{more}", **facts)
    run("msmtp", "-C", home / "msmtprc", "--", ALICE, stdin=letter("by msmtp"), home=home, code=code)
    if code:
        return
    where = f"uidls_file {home}/uidls\nkeep off\ndelivery maildir {home}/mail\n{more}"
    _write(home / "mpoprc", RC, port=open_to_all.port("pop3"), more=where, **facts)
    run("mpop", "-C", home / "mpoprc", home=home)
    assert [subject(path.read_bytes()) for path in (home / "mail" / "new").iterdir()] == ["by msmtp"]


def _write(path: Path, text: str, **facts: object) -> None:
    path.write_text(text.format(**facts))
    path.chmod(0o600)
