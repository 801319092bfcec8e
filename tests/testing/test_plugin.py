"""The fixtures of pytest, in a pytest of its own, as in the project of somebody else."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = "correo.testing.plugin"

TESTS = """
import smtplib

def send(mail, recipient):
    with smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        smtp.sendmail("a@example.com", [recipient], "Subject: x\\r\\n\\r\\n")

def test_own(mail_server):
    send(mail_server, "bob@example.org")
    assert mail_server.wait_for(to="bob@example.org").subject == "x"

def test_another(mail_server):
    assert mail_server.messages == []

ports = []

def test_shared(shared_mail_server):
    ports.append(shared_mail_server.smtp_port)
    shared_mail_server.fault("451 4.7.1 Later", at="connect", times=1000)
    assert shared_mail_server.faults

def test_shared_is_emptied(shared_mail_server):
    assert ports == [shared_mail_server.smtp_port]
    send(shared_mail_server, "bob@example.org")
    assert len(shared_mail_server.messages) == 1
"""

CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def mail_server_options():
    return {"accept": "named"}
"""


def declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, str] = project["entry-points"]["pytest11"]
    return found


def run(pytester: pytest.Pytester, *arguments: str, alone: bool = False) -> pytest.RunResult:
    """With the plugin, which is there already where the installed package declares it."""
    installed = any(one.value == PLUGIN for one in entry_points(group="pytest11"))
    given = () if installed else ("-p", PLUGIN)
    start = pytester.runpytest_subprocess if alone else pytester.runpytest_inprocess
    quiet = (
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    )  # of another plugin, which warns where it is unset
    return start("-p", "no:cacheprovider", *quiet, *given, *arguments)


def test_the_package_declares_it() -> None:
    assert declared() == {"correo": PLUGIN}


def test_the_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    run(pytester).assert_outcomes(passed=4)


def test_options(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        """
        import smtplib, pytest

        def test_nobody_is_here(mail_server):
            with smtplib.SMTP(mail_server.host, mail_server.smtp_port) as smtp, pytest.raises(smtplib.SMTPException):
                mail_server.accounts.add("ann@example.org")
                smtp.sendmail("a@example.com", ["bob@example.org"], "")
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_nothing_is_loaded_for_those_who_do_not_ask(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {name for name in sys.modules if name.startswith("correo")}
            assert loaded == {"correo", "correo.testing", "correo.testing.plugin"}
        """
    )
    run(pytester, alone=True).assert_outcomes(passed=1)


def test_the_fixtures_are_listed(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--fixtures", "-q")
    assert "shared_mail_server" in result.stdout.str()
