"""A release of the chart that watches a log of the test's own on one node, each run of it by hand."""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Eventually, Namespace

NAME = "tftp-monitor"
SETTINGS = f"{NAME}-settings"
NEVER = "0 0 30 2 *"
ENDS = ("Complete", "Failed")


@dataclass(frozen=True)
class Run:
    """A Job that has ended: how, and of each of its pods, as they started, the exit status and what it wrote."""

    name: str
    end: str  # Complete, or why it failed
    statuses: list[int]
    logs: list[str]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Those of its canonical lines that have this name."""
        lines = [line for log in self.logs for line in log.splitlines() if line.startswith("{")]
        return [told for told in map(json.loads, lines) if told["event"] == event]

    def complaints(self) -> list[list[str]]:
        """What each pod wrote besides its canonical lines."""
        return [[line for line in log.splitlines() if not line.startswith("{")] for log in self.logs]


class Watcher:
    """The chart's cronjob on a node. Its folder of logs is named as the namespace, and so is that of its state."""

    def __init__(self, cluster: "Cluster", namespace: "Namespace", eventually: "Eventually", node: str) -> None:
        self._cluster, self.namespace, self._eventually, self.node = cluster, namespace, eventually, node
        self.logs = f"/var/log/{namespace.name}"
        self.state = f"/var/lib/{namespace.name}"
        self.log = f"{self.logs}/syslog"
        self._runs = 0
        self.on("mkdir", "--parents", self.logs)

    def on(self, *command: str, stdin: str | None = None, seconds: float = 120) -> str:
        return self._cluster.on(self.node, *command, stdin=stdin, seconds=seconds)

    def install(self, settings: dict[str, Any], **values: Any) -> None:  # noqa: ANN401 (the chart's values)
        """By Helm, with the settings and what else of the chart's values is to be otherwise."""
        mine = {
            "mode": "cronjob",
            "nodes": [self.node],
            "schedule": NEVER,
            "settings": {"log": {"format": "json"}, **settings},
            "logs": {"hostPath": self.logs, "timezone": "Etc/UTC"},
            "state": {"hostPath": self.state},
            **values,
        }
        self.namespace.helm("upgrade", "--install", NAME, "deploy/chart", "--values=-", stdin=json.dumps(mine))

    def write(self, lines: Iterable[str]) -> None:
        """Appends to the log, which root and the group adm may read."""
        make = f"test -e {self.log} || install -m 0640 -o root -g adm /dev/null {self.log}; cat >>{self.log}"
        self.on("sh", "-c", make, stdin="".join(f"{line}\n" for line in lines))

    def start(self) -> str:
        """A Job as the schedule would start it; its name."""
        self._runs += 1
        name = f"run-{self._runs}"
        self.namespace.kubectl("create", "job", name, f"--from=cronjob/{NAME}")
        return name

    def ended(self, name: str, seconds: float = 180) -> Run:
        """The Job once it has ended."""

        def end() -> str | None:
            conditions = self.namespace.get("job", name)["status"].get("conditions", [])
            done = [each for each in conditions if each["type"] in ENDS and each["status"] == "True"]
            return "Complete" if done and done[0]["type"] == "Complete" else done[0]["reason"] if done else None

        how = self._eventually(end, seconds)
        pods = self.namespace.get("pods", f"--selector=job-name={name}")
        pods.sort(key=lambda pod: pod["status"]["startTime"])
        ends = [pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] for pod in pods]
        logs = [self.namespace.kubectl("logs", pod["metadata"]["name"], "--container=tocsin") for pod in pods]
        return Run(name, str(how), ends, logs)

    def first_try(self, name: str) -> None:
        """Waits until a pod of the Job has ended without success."""
        self._eventually(lambda: self.namespace.get("job", name)["status"].get("failed"), 120)

    def run(self, seconds: float = 180) -> Run:
        return self.ended(self.start(), seconds)

    def ask(self, *words: str) -> Any:  # noqa: ANN401 (what tocsin writes as JSON)
        """What another verb says in a pod like that of a run."""
        made = self.namespace.kubectl(
            "create", "job", "ask", f"--from=cronjob/{NAME}", "--dry-run=client", "--output=json"
        )
        job = json.loads(made)
        job["spec"]["template"]["spec"]["containers"][0]["args"] = words
        self.namespace.apply(job)
        asked = self.ended("ask")
        self.namespace.kubectl("delete", "job", "ask")
        assert asked.end == "Complete", asked
        return json.loads(asked.logs[0])

    def edit(self, script: str) -> str:
        """`kubectl edit` of the settings by somebody whose editor is sed."""
        name = f"--namespace={self.namespace.name}"
        done = subprocess.run(
            ["kubectl", name, "edit", "configmap", SETTINGS],
            env={**os.environ, "KUBE_EDITOR": f"sed --in-place '{script}'"},
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def remove(self) -> None:
        """The folders on the node; the namespace takes the rest with it."""
        self.on("rm", "-rf", self.logs, self.state)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the real clock is the nodes')


def packets(number: int, at: datetime, src: str = "192.0.2.7") -> list[str]:
    """The kernel's lines about so many packets, a millisecond apart from then on."""
    head = "IPTables-TFTP-Rejected: IN=eth0 OUT= MAC=08:00:27:aa:bb:cc:52:54:00:12:35:02:08:00"
    tail = "DST=192.0.2.1 LEN=47 TOS=0x00 PREC=0x00 TTL=64"
    return [
        f"{(at + timedelta(milliseconds=i)).isoformat()} node1 kernel: [{monotonic():12.6f}] "
        f"{head} SRC={src} {tail} ID={i} DF PROTO=UDP SPT={1024 + i} DPT=69 LEN=27 "
        for i in range(number)
    ]
