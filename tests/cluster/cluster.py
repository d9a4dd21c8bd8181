"""The cluster that KUBECONFIG names: kubectl and helm, the nodes' own shells, and attacks from outside of it."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

import pytest

T = TypeVar("T")
FOLDER = Path(__file__).parent
OURS = FOLDER / "kubernetes" / "cluster"
STEP = 0.5  # seconds between two looks
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


class Refused(Exception):
    """A command left with another status than 0; its text is what it wrote to stderr."""


def _run(*command: str | Path, stdin: str | None = None, seconds: float = 120) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command))} left with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the nodes have the real clock, and it is what is measured)


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

    def outside(self) -> str:
        """The address of the host outside: where a cluster is not ours the one of this machine that its nodes see."""
        if self.ours:
            return _run("ip", "netns", "exec", "kube-outside", "hostname", "-I").split()[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect((self.address(self.nodes[0]), 9))  # sends nothing
            return str(route.getsockname()[0])


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
