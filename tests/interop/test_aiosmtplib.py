"""aiosmtplib: an asynchronous SMTP client."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from tests.interop.serving import ALICE, BOB, HOST, NAME, PASSWORD, Correo, letter, subject


@pytest.fixture
def trust(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_send(correo: Correo, trust: ssl.SSLContext, tls: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ALICE, BOB, "Grüße"
    message.set_content("Schöne Grüße")
    refused, answer = await aiosmtplib.send(
        message,
        hostname=HOST,
        port=correo.port("submission", tls),
        username=ALICE,
        password=PASSWORD,
        use_tls=tls == "implicit",
        start_tls=tls == "starttls",
        tls_context=trust,
        timeout=10,
    )
    assert refused == {}
    assert answer.startswith("2.")
    assert [subject(text) for text in await asyncio.to_thread(correo.messages, BOB)] == ["Grüße"]


async def test_fifty_connections_at_once(correo: Correo) -> None:
    async def one(number: int) -> None:
        async with aiosmtplib.SMTP(
            hostname=HOST, port=correo.port("smtp"), timeout=20, start_tls=False
        ) as smtp:
            for round in range(4):
                await smtp.sendmail("carol@far.example", [ALICE], letter(f"{number} {round}"))

    await asyncio.gather(*(one(number) for number in range(50)))
    found = await asyncio.to_thread(correo.messages)
    assert {subject(text) for text in found} == {
        f"{number} {round}" for number in range(50) for round in range(4)
    }
    assert len(found) == 200


async def test_refusals_are_told_apart(correo: Correo) -> None:
    async with aiosmtplib.SMTP(hostname=HOST, port=correo.port("smtp"), timeout=10, start_tls=False) as smtp:
        await smtp.ehlo()
        assert smtp.supports_extension("pipelining")
        assert smtp.supports_extension("8bitmime")
        assert smtp.supports_extension("smtputf8")
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await smtp.sendmail("carol@far.example", ["dave@elsewhere.example"], letter("x"))
        assert refused.value.recipients[0].code == 550
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as too_big:
            await smtp.mail("carol@far.example", options=["SIZE=99999999999"])
        assert too_big.value.code == 552
        assert (await smtp.noop()).code == 250


async def test_a_wrong_password_is_refused(correo: Correo, trust: ssl.SSLContext) -> None:
    smtp = aiosmtplib.SMTP(hostname=HOST, port=correo.port("submission"), tls_context=trust, timeout=10)
    async with smtp:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as denied:
            await smtp.login(ALICE, "wrong")
        assert denied.value.code == 535
        assert NAME in smtp.last_ehlo_response.message if smtp.last_ehlo_response else False
