"""A real cluster for tests: kubectl and helm, the nodes' own shells, attacks, and a mail server outside of it.

KUBECONFIG says which cluster; without it this folder is left out, in one line. `make cluster` starts one of ours. On
any other (kind, minikube) the same tests run, and what needs a node's own shell is skipped aloud.
"""

import asyncio
import ctypes
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.cluster.folders import folders, install, shell

__all__ = ["folders", "install", "shell"]

T = TypeVar("T")
FOLDER = Path(__file__).parent
OURS = FOLDER / "kubernetes" / "cluster"
STEP = 0.5  # seconds between two looks
USER, PASSWORD = "lab", "s3cret"
CLONE_NEWNET = 0x4000_0000  # linux/sched.h
LEFT_OUT = "tests/cluster needs KUBECONFIG (`make cluster` starts a cluster and sets it)"
LOG = "-j LOG --log-prefix 'IPTables-TFTP-Rejected: ' --log-level 4"
RULES = (  # the five commands that tocsin's users were given first
    "-N tftp_protector",
    "-A INPUT ! -i lo -p udp -m udp --dport 69 -j tftp_protector",
    "-A tftp_protector -p udp -m udp --dport 69 -m limit --limit 10/min --limit-burst 10 -j ACCEPT",
    f"-A tftp_protector -p udp -m udp --dport 69 -m limit --limit 11/min --limit-burst 10 {LOG}",
    "-A tftp_protector -p udp -m udp --dport 69 -j REJECT --reject-with icmp-port-unreachable",
)
UNGUARD = """
iptables -D INPUT ! -i lo -p udp -m udp --dport 69 -j tftp_protector
iptables -F tftp_protector
iptables -X tftp_protector
"""

collect_ignore_glob = [] if os.environ.get("KUBECONFIG") else ["*"]
if collect_ignore_glob and os.environ.get("TOCSIN_REQUIRE_ALL"):
    raise pytest.UsageError(f"left out where every need is required: {LEFT_OUT}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if collect_ignore_glob:
        terminalreporter.write_line(f"left out: {LEFT_OUT}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    grouped = [test for test in items if test.get_closest_marker("xdist_group")]
    if config.getoption("loadgroup", default=False) and not all("@" in test.nodeid for test in grouped):
        raise pytest.UsageError("this pytest-xdist forgets the groups: two tests would lay one node's rules at once")
    for test in items:
        if test.path.is_relative_to(FOLDER) and not test.get_closest_marker("timeout"):
            test.add_marker(pytest.mark.timeout(600))


class Refused(Exception):
    """A command left with another status than 0; its text is what it wrote to stderr."""


def _run(*command: str | Path, stdin: str | None = None, seconds: float = 120) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command))} left with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


class Eventually(Protocol):
    def __call__(self, condition: Callable[[], T], seconds: float = 60) -> T: ...


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Looks twice a second until the condition is true, and gives what it is; a command refused is not true yet."""

    def look(condition: Callable[[], T], seconds: float = 60) -> T:
        end = monotonic() + seconds
        while True:
            try:
                last: T | Refused = condition()
                if last and not isinstance(last, Refused):
                    return last
            except Refused as refused:
                last = refused
            assert monotonic() < end, f"not within {seconds} s; at last: {last!r}"
            sleep(STEP)

    return look


@dataclass(frozen=True)
class Cluster:
    """The cluster that KUBECONFIG names."""

    nodes: tuple[str, ...]
    ours: bool
    namespaces: list[str] = field(default_factory=list)

    def kubectl(self, *words: str, stdin: str | None = None, seconds: float = 120) -> str:
        """What kubectl writes; Refused if it leaves with another status than 0."""
        return _run("kubectl", *words, stdin=stdin, seconds=seconds)

    def get(self, *words: str) -> Any:  # noqa: ANN401 (what Kubernetes says)
        """What `kubectl get` has, as JSON; of a list its elements."""
        found = json.loads(self.kubectl("get", *words, "--output=json"))
        return found["items"] if found["kind"] == "List" else found

    def helm(self, *words: str, major: int = 4, stdin: str | None = None) -> str:
        """What helm writes; Helm 3 is `helm3` on PATH."""
        program = "helm3" if major == 3 else "helm"
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
        return _run(program, *words, stdin=stdin, seconds=300)

    def load(self, archive: Path) -> None:
        """Brings an image (an OCI or docker archive) to every node."""
        context = self.kubectl("config", "current-context").strip()
        if self.ours:
            _run(OURS, "load", archive)
        elif context.startswith("kind-"):
            _run("kind", "load", "image-archive", archive, "--name", context.removeprefix("kind-"))
        elif context == "minikube":
            _run("minikube", "image", "load", archive)
        else:
            pytest.skip("needs a way to bring images to the nodes: ours, kind or minikube")

    def on(self, node: str, *command: str, stdin: str | None = None, seconds: float = 120) -> str:
        """What a command writes in the node's own shell, as root: its network, its /var/log and /var/lib."""
        if not self.ours:
            pytest.skip("needs the node's own shell")
        return _run(OURS, "on", node, *command, stdin=stdin, seconds=seconds)

    def python(self) -> str:
        """The name of an image that has Python 3.11 and nothing of ours, on every node."""
        if not self.ours:
            return "docker.io/library/python:3.11-slim-bookworm"
        _run(OURS, "python", seconds=400)
        return "localhost/python:3.11-bookworm"

    def guard(self, node: str) -> None:
        """Lays the five rules of the firewall anew, so that their limits are as nobody had come yet."""
        rules = "".join(f"iptables {rule}\n" for rule in RULES)
        self.on(node, "sh", "-c", f"({UNGUARD}) 2>/dev/null\nset -e\n{rules}")

    def attack(self, node: str, gets: int = 20) -> None:
        """So many tftp gets from outside, one after the other."""
        if not self.ours:
            pytest.skip("needs a host outside the cluster")
        _run(OURS, "attack", node, str(gets), seconds=60 + 2 * gets)

    def rotate(self, node: str) -> None:
        """The node's logs, by logrotate as Debian sets it up."""
        if not self.ours:
            pytest.skip("needs the node's own shell")
        _run(OURS, "rotate", node)

    def syslog(self, node: str) -> list[str]:
        """The lines of the node's log; none before its first."""
        return self.on(node, "sh", "-c", "cat /var/log/syslog || test ! -e /var/log/syslog").splitlines()

    def traces(self) -> list[str]:
        """What there is of the cluster on this machine."""
        if not self.ours:
            pytest.skip("needs a cluster of ours")
        return _run(OURS, "traces").splitlines()

    def address(self, node: str) -> str:
        """The node's address as Kubernetes knows it: what status.hostIP is in its pods."""
        found = self.get("node", node)["status"]["addresses"]
        return str(next(each["address"] for each in found if each["type"] == "InternalIP"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster, its nodes ready; on ours each has a syslog and a TFTP server."""
    ours = "CLUSTER_NODES" in os.environ
    names = _run("kubectl", "get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()
    made = Cluster(tuple(sorted(names)), ours)
    for node in names if ours else ():
        _run(OURS, "daemons", node)
    yield made
    if made.namespaces:
        made.kubectl("wait", "--for=delete", "namespace", *made.namespaces, "--timeout=180s", seconds=200)


@pytest.fixture(scope="session")
def image(cluster: Cluster) -> str:
    """The name of tocsin's own image, as `make image` left it, on every node."""
    cluster.load(_built("tocsin-image.tar"))
    return "localhost/tocsin:dev"


@pytest.fixture(scope="session")
def pyz() -> Path:
    """The whole program in one file, as `make pyz` left it."""
    return _built("tocsin.pyz")


def _built(name: str) -> Path:
    file = FOLDER.parents[1] / "build" / name
    if not file.exists():
        pytest.skip(f"needs build/{name} (make image pyz)")
    return file


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test's own."""

    cluster: Cluster
    name: str

    def kubectl(self, *words: str, stdin: str | None = None, seconds: float = 120) -> str:
        return self.cluster.kubectl(f"--namespace={self.name}", *words, stdin=stdin, seconds=seconds)

    def get(self, *words: str) -> Any:  # noqa: ANN401 (what Kubernetes says)
        return self.cluster.get(f"--namespace={self.name}", *words)

    def helm(self, *words: str, major: int = 4, stdin: str | None = None) -> str:
        return self.cluster.helm(f"--namespace={self.name}", *words, major=major, stdin=stdin)

    def apply(self, *objects: object) -> None:
        """Applies objects as Kubernetes writes them."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(listed))

    def secret(self, name: str, files: dict[str, str]) -> None:
        """A Secret of files by name."""
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": files})

    def story(self) -> str:
        """What happened here: for a test that fails."""
        told = [self.kubectl("get", "all,configmaps,secrets", "--output=wide"), self.kubectl("get", "events")]
        for pod in self.get("pods"):
            name = pod["metadata"]["name"]
            logs = subprocess.run(
                ["kubectl", f"--namespace={self.name}", "logs", name, "--all-containers", "--prefix"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            told.append(f"{logs.stdout}{logs.stderr}")
        return "\n".join(told)


@pytest.fixture
def namespace(cluster: Cluster, tmp_path: Path) -> Iterator[Namespace]:
    """A namespace that ends with the test; the test's captured output tells what happened in it.

    Whatever a test is about: no container in it, however short it lived, was killed for its memory.
    """
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    cluster.namespaces.append(name)
    made = Namespace(cluster, name)
    try:
        with _ends(made, tmp_path / "ends") as ends:
            yield made
            sys.stdout.write(made.story())
            assert not [pod for pod in ends() if "OOMKilled" in pod]
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def _ends(namespace: Namespace, file: Path) -> Iterator[Callable[[], list[str]]]:
    """Each pod that there was, and why its containers ended, as often as either changed."""
    look = ("get", "pods", "--output=jsonpath={range .items[*]}{.metadata.name} {..reason}{'\\n'}{end}")
    watch = ("get", "pods", "--watch", "--output=jsonpath={.metadata.name} {..reason}{'\\n'}")
    with (
        file.open("w") as written,
        subprocess.Popen(["kubectl", f"--namespace={namespace.name}", *watch], stdout=written) as watching,
    ):
        try:
            yield lambda: [*file.read_text().splitlines(), *namespace.kubectl(*look).splitlines()]
        finally:
            watching.terminate()


# the mail server outside


@dataclass(frozen=True)
class Mail:
    """What was accepted, from whom, for whom, and when."""

    at: datetime
    recipients: tuple[str, ...]
    content: bytes
    message: EmailMessage


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
        now = datetime.now(UTC)  # noqa: TID251 (the real clock is what is measured)
        mail = Mail(now, tuple(envelope.rcpt_tos), envelope.content, message)
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


def _outside(cluster: Cluster) -> str:
    """The address of the host outside: on a cluster that is not ours the one of this machine that its nodes see."""
    if cluster.ours:
        return _run("ip", "netns", "exec", "kube-outside", "hostname", "-I").split()[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect((cluster.address(cluster.nodes[0]), 9))  # sends nothing
        return str(route.getsockname()[0])


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def inbox(cluster: Cluster, authority: trustme.CA) -> Iterator[Inbox]:
    """A mail server that is up, at a port of its own. Whatever a test is about: nothing was said twice."""
    host = _outside(cluster)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, "mail.example.org").configure_cert(context)
    with _up(Inbox(host, context, authority.cert_pem.bytes().decode())) as made:
        yield made


@pytest.fixture
def plain_inbox(cluster: Cluster) -> Iterator[Inbox]:
    """The same in the clear, as a mail server of one's own often is: without STARTTLS and AUTH."""
    with _up(Inbox(_outside(cluster), None, "")) as made:
        yield made


@contextmanager
def _up(inbox: Inbox) -> Iterator[Inbox]:
    inbox.open()
    yield inbox
    inbox.close()
    assert inbox.may_repeat or not inbox.told_twice()
    assert not inbox.altered()
