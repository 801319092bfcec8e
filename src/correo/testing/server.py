"""What a test holds in its hands: a server in a thread of its own, so that it serves tests of any kind."""

from __future__ import annotations

import asyncio
import concurrent.futures
import smtplib
import threading
from collections.abc import Coroutine, Sequence
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar, Unpack

from correo.clock.adjustable import AdjustableClock, AdjustableLoop
from correo.receive.incoming import whole_newlines
from correo.testing import quiet
from correo.testing.faults import Fault, Rule, fault_of
from correo.testing.handles import PATIENCE, Accounts, Clock, Far, Letters, Waiting, seen, told
from correo.testing.journal import Journal, Refusal
from correo.testing.message import Message
from correo.testing.options import RETRY, Options, configuration
from correo.testing.stage import Stage

__all__ = ["Far", "MailServer", "Waiting"]

T = TypeVar("T")


class MailServer(Letters):
    """See docs/testing.md. `with`, `async with`, or `start` and `stop`; ports are there once it has started."""

    def __init__(
        self,
        *,
        accept: str = "any",
        password: str = "secret",
        hostname: str = "mail.test",
        host: str = "127.0.0.1",
        smtp: int = 0,
        submission: int = 0,
        pop3: int = 0,
        imap: int = 0,
        api: int | None = None,
        tls: bool = False,
        retry: Sequence[str] = RETRY,
        expire: str = "5d",
        warn_after: str = "4h",
        message_size: str | int = "50MiB",
        start: datetime | None = None,
    ) -> None:
        """Raises ValueError."""
        self._options = Options(
            accept, password, hostname, host, smtp, submission, pop3, imap, api, tls, retry, expire,
            warn_after, message_size, start,
        )  # fmt: skip
        self.host = host
        self.hostname = hostname
        self.password = password
        self.accounts = Accounts(self)
        self.clock = Clock(self)
        self.ports: dict[str, int] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._thread: threading.Thread | None = None
        self._loop: AdjustableLoop | None = None
        self._stage: Stage | None = None
        self._stop: asyncio.Event | None = None

    # -- from beginning to end -----------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen and serve. Raises OSError when a port is taken, ValueError for an argument that cannot be."""
        if self._thread is not None:
            raise RuntimeError("the server is running already")
        self._folder = TemporaryDirectory(prefix="correo-test-", ignore_cleanup_errors=True)
        quiet.begin(self)
        started: concurrent.futures.Future[Stage] = concurrent.futures.Future()
        thread = threading.Thread(target=self._run, args=(started,), name=quiet.THREAD, daemon=True)
        thread.start()
        self._thread = thread
        try:
            self._stage = started.result(PATIENCE)
        except BaseException:  # Ctrl-C, too: the thread must not go on serving
            started.cancel()
            self._end()
            raise
        return self

    def stop(self) -> None:
        """Let go of ports, threads and files. Raises RuntimeError when something of the server's own failed meanwhile."""
        stage = self._stage
        if self._thread is None or stage is None:
            return
        self._end()
        if stage.incidents:
            raise RuntimeError("something in the test server itself failed") from stage.incidents[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    # -- ports ---------------------------------------------------------------------------------------------------------

    @property
    def smtp_port(self) -> int:
        return self._port("smtp")

    @property
    def submission_port(self) -> int:
        return self._port("submission")

    @property
    def pop3_port(self) -> int:
        return self._port("pop3")

    @property
    def imap_port(self) -> int:
        return self._port("imap")

    @property
    def smtps_port(self) -> int:
        return self._port("smtps")

    @property
    def submissions_port(self) -> int:
        return self._port("submissions")

    @property
    def pop3s_port(self) -> int:
        return self._port("pop3s")

    @property
    def imaps_port(self) -> int:
        return self._port("imaps")

    @property
    def api_port(self) -> int:
        return self._port("api")

    @property
    def ca_file(self) -> Path:
        """What clients must trust."""
        if not self._options.tls or self._folder is None:
            raise AttributeError("there is a certificate only with MailServer(tls=True), while it runs")
        return Path(self._folder.name) / "certificate.pem"

    # -- messages ------------------------------------------------------------------------------------------------------

    @property
    def refused(self) -> list[Refusal]:
        """What clients were refused, the oldest first."""
        return self.call(seen(self.stage.journal.refused))

    def deliver(self, message: EmailMessage | str | bytes, *, to: str, sender: str = "") -> Message:
        """Send a message to `to`, as another program would; what came of it. Raises smtplib's exceptions."""
        raw = message.as_bytes() if isinstance(message, EmailMessage) else message
        octets = whole_newlines(raw.encode() if isinstance(raw, str) else raw)
        with smtplib.SMTP(self.host, self.smtp_port) as smtp:
            smtp.sendmail(sender, [to], octets, [] if (sender + to).isascii() else ["SMTPUTF8"])
        return self.find(to=to)[-1]

    def inbox(self, address: str, folder: str = "INBOX") -> list[Message]:
        """What lies in a mailbox now, the oldest first. Raises ValueError where there is none."""
        return self.call(self.stage.here.people.inbox(address, folder))

    def clear(self) -> None:
        """Forget mail, queue, faults, and the mailboxes made on the fly; accounts that were added, and time, stay."""
        self.call(self.stage.clear())

    # -- faults, other servers, the queue ------------------------------------------------------------------------------

    @property
    def faults(self) -> list[Fault]:
        return self.call(seen(self.stage.faults))

    def fault(self, reply: str = "", **rule: Unpack[Rule]) -> Fault:
        """From now on this goes wrong. Raises ValueError."""
        return self.call(told(self.stage.faults.add, fault_of(reply, **rule)))

    def far(self, domain: str) -> Far:
        """The server of a domain that is not ours; mail for it goes there through the queue. Raises ValueError."""
        return Far.of(self, domain)

    @property
    def queue(self) -> list[Waiting]:
        """Recipients elsewhere whom the mail has not reached yet."""
        return [Waiting.of(one) for one in self.call(self.stage.waiting())]

    # -- for the handles -----------------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The server itself; its loop's thread alone may touch it."""
        if self._stage is None:
            raise RuntimeError("the server is not running; use `with MailServer() as mail:`, or start()")
        return self._stage

    @property
    def loop(self) -> AdjustableLoop:
        assert self._loop is not None, "the stage is there once the loop is"
        return self._loop

    def call(self, work: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
        """Do this in the server's loop."""
        future = self.begin(work)
        try:
            return future.result(patience)
        except TimeoutError:
            if not future.cancel():
                raise
        raise RuntimeError(f"the test server has had no rest for {patience:g} seconds")

    def begin(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if self._thread is None or self._loop is None:
            work.close()
            raise RuntimeError("the server is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    # ------------------------------------------------------------------------------------------------------------------

    def _looked_at(self) -> tuple[MailServer, Journal]:
        return self, self.stage.journal

    def _port(self, name: str) -> int:
        if name not in self.ports:
            how = {"api": "MailServer(api=0)"}.get(name, "MailServer(tls=True)" if name[-1] == "s" else "")
            raise AttributeError(
                f"there is no {name} port" + (f" without {how}" if how else " before the start")
            )
        return self.ports[name]

    def _end(self) -> None:
        if self._loop is not None and self._stop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop.set)
        thread, self._thread, self._stage, self._loop = self._thread, None, None, None
        self.ports.clear()
        if thread is not None:
            thread.join()
        if self._folder is not None:
            self._folder.cleanup()
        quiet.end(self)

    def _run(self, started: concurrent.futures.Future[Stage]) -> None:
        """In the thread."""
        try:
            with asyncio.Runner(loop_factory=AdjustableLoop) as runner:
                runner.run(self._serve(started))
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            else:
                raise

    async def _serve(self, started: concurrent.futures.Future[Stage]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, AdjustableLoop)
        assert self._folder is not None
        options = self._options
        config = configuration(options, Path(self._folder.name))
        clock = AdjustableClock(loop, options.began)
        stage = Stage(config, clock, made_up=options.accept == "any", password=options.password)
        self._loop, self._stop = loop, asyncio.Event()
        await stage.open()
        try:
            self.ports = {name: stage.port(position) for position, name in enumerate(options.ports)}
            if options.api is not None:
                from correo.testing.api import open_api

                self.ports["api"] = await open_api(stage, options.host, options.api, self.ports)
            if started.set_running_or_notify_cancel():
                started.set_result(stage)
                await self._stop.wait()
        finally:
            await stage.close()
