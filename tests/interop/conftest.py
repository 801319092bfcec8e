"""What all interop tests share: the mark, the excuse for missing programs, and a server for each test.

A module names the programs it needs in PROGRAMS. Each test gets a server of its own, which is stopped and judged after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.interop import programs
from tests.interop.serving import HOST, NAME, Correo, give_away, running

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for name in getattr(request.module, "PROGRAMS", ()):
        programs.path_of(name)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PEM file of the authority that clients are told to trust; the template's certificate is beside it."""
    folder = tmp_path_factory.mktemp("authority")
    authority = trustme.CA()
    certificate = authority.issue_cert(
        NAME, "localhost", HOST, common_name="localhost"
    )  # fetchmail wants a name in both places
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(folder / "certificate.pem"), append=True)
    return folder / "authority.pem"


@pytest.fixture(scope="session")
def template(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate and a populated database: copied for each test, because hashing passwords takes time."""
    folder = tmp_path_factory.mktemp("template")
    for name in ("certificate.pem", "key.pem"):
        (folder / name).write_bytes((authority.parent / name).read_bytes())
    give_away(folder)
    correo = Correo(folder)
    correo.configure()
    correo.populate()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of the client: empty."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def correo(template: Path, tmp_path: Path) -> Iterator[Correo]:
    """A running server with alice and bob, that lets passwords pass without TLS."""
    yield from running(template, tmp_path / "correo")


@pytest.fixture
def strict(template: Path, tmp_path: Path) -> Iterator[Correo]:
    """The same with the default: passwords only under TLS."""
    yield from running(template, tmp_path / "correo", plaintext=False)
