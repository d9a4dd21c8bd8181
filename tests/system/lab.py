"""A node and its outside as two network namespaces, tocsin and firewalls in the one, senders in the other."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NODE, NODE6 = "192.0.2.1", "2001:db8:0:1::1"
PORT = 69
SWITCH = Path("/proc/sys/net/netfilter/nf_log_all_netns")
_SEND = """
import json, socket, sys, time
pause = float(sys.argv[1])
for src, dst, port, count in json.load(sys.stdin):
    time.sleep(pause)
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((src, 0))
        for _ in range(count):
            sender.sendto(b"\\0\\1boot.cfg\\0octet\\0", (dst, port))
"""


def sh(*words: str, stdin: str = "") -> str:
    """Runs it, to its end and its success."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


@dataclass
class Lab:
    """Two namespaces joined by a pair of interfaces, and a settings file with a prefix of its own."""

    folder: Path
    name: str = field(default_factory=lambda: f"tocsin-{uuid.uuid4().hex[:8]}")

    @property
    def prefix(self) -> str:
        return f"{self.name}: "

    def make(self) -> None:
        for place in ("node", "out"):
            sh("ip", "netns", "add", f"{self.name}-{place}")
        sh(
            "ip",
            "link",
            "add",
            "veth0",
            "netns",
            f"{self.name}-node",
            "type",
            "veth",
            "peer",
            "veth0",
            "netns",
            f"{self.name}-out",
        )
        for place, addresses in (
            ("node", (f"{NODE}/24", f"{NODE6}/56")),
            ("out", ("192.0.2.2/24", "2001:db8:0:2::2/56")),
        ):
            sh("ip", "-n", f"{self.name}-{place}", "link", "set", "lo", "up")
            sh("ip", "-n", f"{self.name}-{place}", "link", "set", "veth0", "up")
            self.address(*addresses, place=place)
        self.settle()

    def remove(self) -> None:
        for place in ("node", "out"):
            subprocess.run(["ip", "netns", "del", f"{self.name}-{place}"], check=False)

    def address(self, *addresses: str, place: str = "out") -> None:
        """Gives a place addresses, which are usable at once."""
        lines = (f"addr add {one} dev veth0{' nodad' if ':' in one else ''}\n" for one in addresses)
        sh("ip", "-n", f"{self.name}-{place}", "-batch", "-", stdin="".join(lines))

    def settle(self, rules: str = "") -> None:
        rules = rules or f'[{{name: tftp, prefix: "{self.prefix}"}}]'
        (self.folder / "tocsin.yaml").write_text(f"rules: {rules}\n")

    def node(self, *words: str, stdin: str = "") -> str:
        """Runs it on the node, to its success."""
        return sh("ip", "netns", "exec", f"{self.name}-node", *words, stdin=stdin)

    def out(self, *words: str, stdin: str = "") -> str:
        """Runs it outside, to its success."""
        return sh("ip", "netns", "exec", f"{self.name}-out", *words, stdin=stdin)

    def tocsin(self, *words: str, before: Iterable[str] = (), **variables: str) -> "subprocess.CompletedProcess[str]":
        """The verb `firewall` with these words, on the node."""
        program = [*before, sys.executable, "-m", "tocsin.cli", "firewall", *words]
        wanted = ("PATH",) if before else ("COVERAGE", "PATH")  # somebody else may not write what is measured
        kept = {name: value for name, value in os.environ.items() if name.startswith(wanted)}
        return subprocess.run(
            ["ip", "netns", "exec", f"{self.name}-node", *program], capture_output=True, text=True, timeout=100,
            env=kept | {"TOCSIN_CONFIG": str(self.folder / "tocsin.yaml")} | variables, check=False,
        )  # fmt: skip

    def done(self, *words: str) -> str:
        """The same to its success."""
        run = self.tocsin(*words)
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    def found(self, *words: str) -> list[str]:
        """What `check` finds."""
        run = self.tocsin("check", "--json", *words)
        said = json.loads(run.stdout)
        assert run.returncode == (0 if said["ok"] else 69)
        assert said["ok"] == (not said["findings"])
        return [finding["what"] for finding in said["findings"]]

    def counters(self, *words: str) -> dict[str, Any]:
        counts: dict[str, Any] = json.loads(self.done("counters", "--json", *words))
        return counts

    def rejected(self, *words: str) -> dict[str, int]:
        """Packets by source, as the kernel counted them."""
        return {one["src"]: one["rejected"] for one in self.counters(*words)["sources"]}

    def send(self, packets: Mapping[str, int], *, port: int = PORT, pause: float = 0) -> None:
        """So many requests from each source, an address that `out` has; so many seconds before each source."""
        every = [[src, NODE6 if ":" in src else NODE, port, count] for src, count in packets.items()]
        self.out(sys.executable, "-c", _SEND, str(pause), stdin=json.dumps(every))

    def rules(self) -> str:
        """Everything that the kernel holds on the node, without counts."""
        saved = [
            self.node(f"{family}-{kind}-save") for family in ("iptables", "ip6tables") for kind in ("nft", "legacy")
        ]
        lines = "\n".join((self.node("nft", "-s", "list", "ruleset"), *saved)).splitlines()
        return "\n".join(line.partition(" [")[0] for line in lines if line and not line.startswith("#"))


class KernelLog:
    """The kernel's log from now on; other tests write there too."""

    def __init__(self) -> None:
        self._file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._file, 0, os.SEEK_END)

    def lines(self, prefix: str) -> list[str]:
        """What was logged with a prefix since the last time."""
        found: list[str] = []
        while True:
            try:
                line = os.read(self._file, 8192).decode(errors="replace")
            except BlockingIOError:
                return found
            except BrokenPipeError:  # others wrote faster than we read
                continue
            if f";{prefix}" in line:
                found.append(line.partition(";")[2].partition("\n")[0])

    def close(self) -> None:
        os.close(self._file)


@pytest.fixture
def hearing() -> Iterator[None]:
    """LOG is heard from every namespace while the test runs."""
    if not SWITCH.exists():
        pytest.skip("needs root in the first network namespace")
    before = SWITCH.read_text()
    SWITCH.write_text("1")
    try:
        yield
    finally:
        if before.strip() != "1" and not clusters():
            SWITCH.write_text(before)


def clusters() -> bool:
    """A cluster is up on this machine, and needs the switch on."""
    return "kube-" in sh("ip", "netns")


@pytest.fixture
def lab(hearing: None, tmp_path: Path) -> Iterator[Lab]:
    """A node and its outside, without any rule."""
    del hearing
    made = Lab(tmp_path)
    try:
        made.make()
        yield made
    finally:
        made.remove()


@pytest.fixture
def kernel_log(hearing: None) -> Iterator[KernelLog]:
    """The kernel's log from now on."""
    del hearing
    log = KernelLog()
    try:
        yield log
    finally:
        log.close()


@pytest.fixture(autouse=True)
def outside_unchanged() -> Iterator[None]:
    """The rules of this machine itself are the same after each test."""
    before = _own()
    yield
    assert _own() == before


def _own() -> str:
    if os.geteuid() != 0:
        return ""
    every = sh("nft", "-s", "list", "ruleset"), sh("iptables-legacy-save"), sh("ip6tables-legacy-save")
    lines = [line.partition(" [")[0] for text in every for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(line for line in lines if "kube" not in line)
