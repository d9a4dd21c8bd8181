"""A mail server outside of the cluster, and what it was given."""

import asyncio
import ctypes
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.cluster.cluster import now

if TYPE_CHECKING:
    from datetime import datetime

    from tests.cluster.cluster import Cluster

USER, PASSWORD = "lab", "s3cret"
CLONE_NEWNET = 0x4000_0000  # linux/sched.h


@dataclass(frozen=True)
class Mail:
    """What was accepted, from whom, for whom, and when."""

    at: "datetime"
    recipients: tuple[str, ...]
    content: bytes
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain part."""
        part = self.message.get_body(("plain",))
        assert part, self.content
        return str(part.get_content())


@dataclass
class Inbox:
    """A mail server outside the cluster, with STARTTLS and AUTH; it can be closed and opened again at the same port."""

    host: str
    context: ssl.SSLContext | None  # None: in the clear, and nobody logs in
    ca: str
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    attempts: list[Mail] = field(default_factory=list)  # what was accepted, and what was not
    answer: Callable[[Mail], str] = lambda _mail: "250 OK"  # to a whole message; while it runs nobody else is answered
    part: Callable[[], str] = lambda: "221 Bye"  # to QUIT
    may_repeat: bool = False  # where an answer was lost the same message must come again
    _stop: Callable[[], None] | None = None

    @property
    def server(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def secrets(self) -> dict[str, str]:
        """The files that the receiver of `settings` needs in /secrets."""
        return {"password": f"{PASSWORD}\n", "ca.pem": self.ca}

    def settings(self, *to: str) -> dict[str, object]:
        """The receiver, as the settings file has it."""
        files = {"password_file": "/secrets/password", "ca_file": "/secrets/ca.pem"}
        return {"email": {"server": self.server, "security": "starttls", "username": USER, **files, "to": list(to)}}

    def told_twice(self) -> list[str]:
        """Messages that somebody has more than once, and attacks that began more than once."""
        told = Counter(
            (recipient, mail.message[header])
            for mail in self.mails
            for recipient in mail.recipients
            for header in ("Message-ID", *(["Subject"] if mail.message["X-Tocsin-Reason"] == "first" else []))
        )
        return [f"{recipient}: {what}" for (recipient, what), times in told.items() if times > 1]

    def altered(self) -> list[str]:
        """Messages that were not the same at every attempt."""
        contents = {(mail.message["Message-ID"], mail.content) for mail in self.attempts}
        return [name for name, times in Counter(name for name, _ in contents).items() if times > 1]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's hook)
        del server, session
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        mail = Mail(now(), tuple(envelope.rcpt_tos), envelope.content, message)
        self.attempts.append(mail)
        answer = self.answer(mail)
        if answer.startswith("2"):
            self.mails.append(mail)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's hook)
        del server, session, envelope
        return self.part()

    def open(self) -> None:
        loop = asyncio.new_event_loop()
        talk = {"tls_context": self.context, "require_starttls": True, "auth_required": True} if self.context else {}

        def answer() -> SMTP:
            return SMTP(self, loop=loop, hostname="mail.example.org", authenticator=_authenticate, **talk)  # type: ignore[arg-type]  # its options

        listening = _listening(self.host, self.port)
        self.port = listening.getsockname()[1]
        server = loop.run_until_complete(loop.create_server(answer, sock=listening))
        thread = Thread(target=loop.run_forever)
        thread.start()

        def stop() -> None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

        self._stop = stop

    def close(self) -> None:
        if self._stop:
            self._stop()
        self._stop = None


def _authenticate(_s: SMTP, _session: Session, _e: Envelope, _mechanism: str, login: object) -> AuthResult:
    good = isinstance(login, LoginPassword) and login == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens outside: it stays in the network namespace that its thread was in when it was made."""

    def make() -> socket.socket:
        if "CLUSTER_NODES" in os.environ:
            with Path("/run/netns/kube-outside").open() as there:
                if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
        return socket.create_server((host, port))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def inbox(cluster: "Cluster", authority: trustme.CA) -> Iterator[Inbox]:
    """A mail server that is up, at a port of its own. Whatever a test is about: nothing was said twice."""
    host = cluster.outside()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, "mail.example.org").configure_cert(context)
    with _up(Inbox(host, context, authority.cert_pem.bytes().decode())) as made:
        yield made


@pytest.fixture
def plain_inbox(cluster: "Cluster") -> Iterator[Inbox]:
    """The same in the clear, as a mail server of one's own often is: without STARTTLS and AUTH."""
    with _up(Inbox(cluster.outside(), None, "")) as made:
        yield made


@contextmanager
def _up(inbox: Inbox) -> Iterator[Inbox]:
    inbox.open()
    yield inbox
    inbox.close()
    assert inbox.may_repeat or not inbox.told_twice()
    assert not inbox.altered()
