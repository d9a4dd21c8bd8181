"""Folders of a test's own on every node, and the kernel's lines in the log there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.cluster import now

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster
    from tests.cluster.namespace import Namespace

SRC = "192.0.2.7"
APPEND = """
set -e
test -e "$1" || install -g adm -m 640 /dev/null "$1"
while IFS= read -r line; do
    printf '%s\\n' "$line" >>"$1"
    test "$2" = 0 || sleep "$2"
done
"""


@dataclass(frozen=True)
class Folders:
    """On each node a log folder with a syslog, /var/log/NAME, and the place of a state folder, /var/lib/NAME."""

    cluster: "Cluster"
    name: str

    @property
    def logs(self) -> str:
        return f"/var/log/{self.name}"

    @property
    def log(self) -> str:
        return f"{self.logs}/syslog"

    @property
    def state(self) -> str:
        return f"/var/lib/{self.name}"

    @property
    def values(self) -> dict[str, Any]:
        """What the chart must know of them."""
        return {"logs": {"hostPath": self.logs}, "state": {"hostPath": self.state}}

    def write(self, node: str, lines: Iterable[str], pause: float = 0) -> None:
        """Appends to the node's log, a line every `pause` seconds; a missing log is made as rsyslog does on Debian."""
        told = list(lines)
        words = ("sh", "-c", APPEND, "-", self.log, str(pause))
        self.cluster.on(node, *words, stdin="".join(f"{line}\n" for line in told), seconds=60 + 2 * len(told) * pause)

    def reject(self, node: str, packets: int = 1, src: str = SRC, *, pause: float = 0) -> None:
        """The kernel's lines about so many packets that it rejects from now on, `pause` seconds apart."""
        self.write(node, rejected(node, packets, now(), src=src, pause=pause), pause)

    def found(self, node: str) -> list[str]:
        """All files and folders of this test on a node."""
        found = f"find {self.logs} {self.state} 2>/dev/null || true"
        return sorted(self.cluster.on(node, "sh", "-c", found).splitlines())


def rejected(node: str, packets: int, at: datetime, *, src: str = SRC, pause: float = 0) -> list[str]:
    """The lines about so many packets, as the kernel and rsyslog write them, `pause` seconds apart from then on."""
    head = "[  705.905357] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC=08:00:27:aa:bb:cc:52:54:00:12:35:02:08:00"
    tail = "DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64"
    stamps = [(at + timedelta(seconds=i * pause)).isoformat() for i in range(packets)]
    return [
        f"{stamp} {node} kernel: {head} SRC={src} {tail} ID={i} DF PROTO=UDP SPT={40_000 + i} DPT=69 LEN=28 "
        for i, stamp in enumerate(stamps)
    ]


@pytest.fixture
def folders(cluster: "Cluster", namespace: "Namespace") -> Iterator[Folders]:
    """They end with the test; the log is empty."""
    made = Folders(cluster, namespace.name)
    for node in cluster.nodes:
        cluster.on(node, "mkdir", "-m", "755", made.logs)
        made.write(node, [])
    yield made
    for node in cluster.nodes:
        cluster.on(node, "rm", "-rf", made.logs, made.state)
