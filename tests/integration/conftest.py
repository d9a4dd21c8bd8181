"""Real SMTP servers on loopback: one that behaves, one that says what a test tells it to. And tocsin as a process."""

import asyncio
import os
import pty
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
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


# the program itself


class Beside(subprocess.Popen[str]):
    """A process that is killed where a test leaves it behind: a Popen would wait for it."""

    def __exit__(self, *_: object) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(None, None, None)


@dataclass
class Machine:
    """A folder that stands for a machine: its log, its settings, its state, and tocsin as a process on it."""

    folder: Path
    port: int = 1  # of the mail server: nobody listens on 1
    environment: dict[str, str] = field(default_factory=dict)
    serial: int = 0
    program: tuple[str, ...] = (sys.executable, "-m", "tocsin.cli")

    @property
    def log(self) -> Path:
        return self.folder / "syslog"

    def settle(self, **settings: str) -> Path:
        """Writes the settings: one source, the mail server, and what is given instead or besides."""
        keys = {
            "state": str(self.folder / "state"),
            "sources": f"[{{file: {{path: {self.log}}}}}]",
            "receivers": f'[{{email: {{server: "127.0.0.1:{self.port}", security: none, to: [admin@example.org]}}}}]',
        } | settings
        file = self.folder / "tocsin.yaml"
        file.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
        return file

    def write(self, *sources: str, ago: float = 0, log: Path | None = None, zone: tzinfo | None = None) -> None:
        """One rejected packet of each source, so many seconds ago; with a zone by stamps of RFC 3164 in it."""
        time = datetime.now(zone or UTC) - timedelta(seconds=ago)  # noqa: TID251 (the process has the real clock)
        stamp = f"{time:%b} {time.day:2} {time:%H:%M:%S}" if zone else time.isoformat()
        with (log or self.log).open("a") as file:
            for src in sources:
                self.serial += 1
                file.write(
                    f"{stamp} node1 kernel: [  705.905357] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC= SRC={src} "
                    f"DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID={self.serial} DF PROTO=UDP SPT=55526 "
                    "DPT=69 LEN=28 \n"
                )

    def run(self, *words: str, stdin: str | None = None, **options: Any) -> "subprocess.CompletedProcess[str]":  # noqa: ANN401 (subprocess's)
        """The verb with these words, to its end. What another user covers cannot be written down."""
        variables = {
            name: text for name, text in self.variables().items() if "user" not in options or "COV" not in name
        }
        return subprocess.run(
            self.command(*words), env=variables, input=stdin, capture_output=True, text=True, timeout=60, check=False,
            **options,
        )  # fmt: skip

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """The same, going on beside a test's `with`, and no longer."""
        return Beside(
            self.command(*words), env=self.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def on_a_terminal(self, *words: str, **environment: str) -> str:
        """What the verb writes on a terminal, standard error included."""
        here, there = pty.openpty()
        variables = {"TERM": "xterm", "COLUMNS": "100"} | self.variables() | environment
        with subprocess.Popen(self.command(*words), env=variables, stdin=there, stdout=there, stderr=there):
            os.close(there)
            said = b""
            with suppress(OSError):  # the other end is closed
                while piece := os.read(here, 65_536):
                    said += piece
        os.close(here)
        return said.decode()

    @staticmethod
    def names(output: str) -> list[str]:
        """The events that the lines of a run begin with."""
        return [line.partition("Z ")[2].partition(":")[0] for line in output.splitlines()]

    def command(self, *words: str) -> list[str]:
        return [*self.program, *words]

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "PATH"))}
        return {**kept, "NODE_NAME": "node1", "TOCSIN_CONFIG": str(self.folder / "tocsin.yaml"), **self.environment}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with an empty log and with settings; its mail server is down."""
    made = Machine(tmp_path)
    made.log.touch()
    made.settle()
    return made


@pytest.fixture
def root() -> None:
    """For what only root can set up: another user, a mount, a folder of the machine's own."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


@dataclass(frozen=True)
class Disk:
    """A very small disk."""

    folder: Path

    def fill(self) -> None:
        room = os.statvfs(self.folder)
        (self.folder / "filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize))

    def empty(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(root: None, tmp_path: Path) -> Iterator[Disk]:
    del root
    made = Disk(tmp_path / "disk")
    made.folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tocsin-test", made.folder], check=True)
    yield made
    subprocess.run(["umount", made.folder], check=True)


@pytest.fixture
def mailing(
    machine: Machine, mail_server: Callable[..., AbstractContextManager[Inbox]]
) -> Iterator[tuple[Machine, Inbox]]:
    """A machine whose mail server is up, and that server's inbox."""
    with mail_server() as inbox:
        machine.port = inbox.port
        machine.settle()
        yield machine, inbox


# what is delivered


@pytest.fixture(scope="session")
def wheels() -> Path:
    """The folder of wheels that the image and the zipapp are made from, as fresh as the sources."""
    variables = {name: text for name, text in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    root = Path(__file__).parents[2]
    made = subprocess.run(["make", "-s", "build/wheels"], cwd=root, env=variables, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"needs the locked wheels: {made.stderr.decode()[-300:]}")
    return root / "build/wheels"
