"""Real SMTP servers on loopback: one that behaves, one that says what a test tells it to."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "lab", "s3cret"


@dataclass
class Inbox:
    """What a real server was given: envelopes, in order."""

    port: int = 0
    mails: list[Envelope] = field(default_factory=list)
    extensions: list[str] = field(default_factory=list)

    def read(self) -> list[EmailMessage]:
        """The mails as programs read them."""
        return [
            message_from_bytes(mail.content, policy=default) for mail in self.mails if isinstance(mail.content, bytes)
        ]

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        del server, envelope
        session.host_name = hostname
        return [*responses[:-1], *(f"250-{extension}" for extension in self.extensions), responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (the same)
        del server, session
        self.mails.append(envelope)
        return "250 OK"


def _authenticate(_s: SMTP, _session: Session, _e: Envelope, _mechanism: str, login: object) -> AuthResult:
    good = isinstance(login, LoginPassword) and login == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


@contextmanager
def _running(inbox: Inbox, host: str, **options: Any) -> Iterator[Inbox]:  # noqa: ANN401 (aiosmtpd's options)
    loop = asyncio.new_event_loop()

    def talk() -> SMTP:
        return SMTP(inbox, loop=loop, hostname="mail.example.org", authenticator=_authenticate, **options)

    server = loop.run_until_complete(loop.create_server(talk, host, 0))
    inbox.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield inbox
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture
def mail_server() -> Callable[..., AbstractContextManager[Inbox]]:
    """Starts aiosmtpd for the time of a `with`: `mail_server(host="::1", tls_context=…)`."""

    def start(host: str = "127.0.0.1", **options: Any) -> AbstractContextManager[Inbox]:  # noqa: ANN401 (the same)
        return _running(Inbox(), host, **options)

    return start


# a server that says what it is told


Reply = bytes | None | Callable[[Event], Iterable[bytes]]  # a reply, or None to hang up, or pieces until it is over
Replies = dict[str, Reply | list[Reply]]
POLITE: Replies = {
    "greeting": b"220 mail.example.org ESMTP",
    "EHLO": b"250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
    "STARTTLS": b"220 go ahead",
    "AUTH": b"235 welcome",
    "MAIL": b"250 sender ok",
    "RCPT": b"250 recipient ok",
    "DATA": b"354 go ahead",
    ".": b"250 queued",
    "QUIT": b"221 bye",
}


class Script:
    """A server that answers each command as the test wrote it, with one reply after the other if there are several."""

    def __init__(self, replies: Replies, context: ssl.SSLContext | None, *, tls: bool, slow: bool) -> None:
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self._replies = POLITE | replies
        self._context, self._tls, self._slow = context, tls, slow
        self._over = Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):  # wakes accept()
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join()
        self._socket.close()

    def verbs(self) -> list[str]:
        return [command.split()[0].upper() for command in self.commands]

    def _serve(self) -> None:
        while True:
            talk, _ = self._socket.accept()
            with talk, suppress(OSError):
                talk.settimeout(10)
                if self._over.is_set():
                    return
                with self._wrapped(talk) if self._tls else talk as wrapped:
                    self._talk(wrapped)

    def _talk(self, talk: socket.socket) -> None:
        self._say(talk, "greeting")
        self._converse(talk)

    def _converse(self, talk: socket.socket) -> None:
        while line := _line(talk):
            self.commands.append(line)
            verb = line.split()[0].upper()
            reply = self._say(talk, verb)
            if verb == "STARTTLS" and reply.startswith(b"220"):
                with self._wrapped(talk) as wrapped:
                    self._converse(wrapped)
                return
            if verb == "DATA" and reply.startswith(b"354"):
                self.mails.append(self._message(talk))
                self._say(talk, ".")
            if verb == "QUIT":
                return

    def _wrapped(self, talk: socket.socket) -> socket.socket:
        if not self._context:  # silence where TLS should begin
            self._over.wait(10)
            raise ConnectionError
        return self._context.wrap_socket(talk, server_side=True)

    def _say(self, talk: socket.socket, verb: str) -> bytes:
        reply = self._replies.get(verb, b"250 ok")
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if reply is None:
            talk.close()
            raise ConnectionError
        for piece in [reply + b"\r\n"] if isinstance(reply, bytes) else reply(self._over):
            talk.sendall(piece)
        return reply if isinstance(reply, bytes) else b""

    def _message(self, talk: socket.socket) -> bytes:
        message = b""
        while not message.endswith(b"\r\n.\r\n"):
            piece = talk.recv(65_536)
            if not piece or self._over.wait(0.1 if self._slow else 0):
                raise ConnectionError
            message += piece
        return message


def _line(talk: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\r\n"):
        byte = talk.recv(1)
        if not byte:
            return ""
        line += byte
    return line.decode().strip()


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Starts a server with the replies given, all others polite: `script({"RCPT": b"550 no"})`."""
    running: list[Script] = []

    def start(
        replies: Replies | None = None,
        context: ssl.SSLContext | None = None,
        *,
        tls: bool = False,
        slow: bool = False,
    ) -> Script:
        running.append(Script(replies or {}, context, tls=tls, slow=slow))
        return running[-1]

    yield start
    for server in running:
        server.close()


# certificates


@dataclass(frozen=True)
class Authority:
    """A CA of the test's own: its file, and what it certifies."""

    ca: trustme.CA
    file: str

    def context(self, *names: str, **options: Any) -> ssl.SSLContext:  # noqa: ANN401 (issue_cert's options)
        """What a server needs to be one of these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1")), **options).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, str(file))


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return str(file)
