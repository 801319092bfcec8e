"""The examples of docs/testing.md do what the page says."""

from __future__ import annotations

import re
import unittest
from pathlib import Path
from typing import Any

import pytest

from correo.testing.far import State
from correo.testing.faults import PROTOCOLS, Moment

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = [block for block in BLOCKS if "with MailServer(" in block]
CASES = [block for block in BLOCKS if "unittest.TestCase" in block]
TESTS = [block for block in BLOCKS if block.startswith("# test_")]


def test_each_block_is_of_a_kind_that_is_run() -> None:
    assert len(SCRIPTS) + len(CASES) + len(TESTS) == len(BLOCKS)
    assert all((SCRIPTS, CASES, TESTS))


@pytest.mark.parametrize("block", SCRIPTS)
def test_scripts(block: str) -> None:
    exec(compile(block, "docs/testing.md", "exec"), {})


@pytest.mark.parametrize("block", CASES)
def test_cases_of_unittest(block: str) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block, "docs/testing.md", "exec"), names)
    (case,) = (one for one in names.values() if isinstance(one, type) and issubclass(one, unittest.TestCase))
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun
    assert result.wasSuccessful(), result.errors + result.failures


@pytest.mark.parametrize("block", TESTS)
def test_tests_of_pytest(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import smtplib

    from correo.testing import MailServer

    def sign_up(address: str) -> None:
        with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"])) as smtp:
            smtp.sendmail("shop@example.com", [address], "Subject: x\r\n\r\nhttps://shop.example/\r\n")

    names: dict[str, Any] = {"sign_up": sign_up}
    exec(compile(block, "docs/testing.md", "exec"), names)
    with MailServer() as mail:
        for name, test in names.items():
            if name.startswith("test_"):
                test(mail, monkeypatch)


def test_the_page_names_all_there_is() -> None:
    for word in (*(one.value for one in Moment), *PROTOCOLS, *(one.value for one in State)):
        assert f"`{word}`" in PAGE, word
