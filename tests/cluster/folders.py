"""Folders of a test's own on every node, tocsin installed on them, and a shell whose kubectl is in its namespace."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Inbox, Namespace

Shell = Callable[[str], str]
WRITE = """
import sys, time
from datetime import datetime, timezone
file, packets, pause, node = sys.argv[1:]
for number in range(int(packets)):
    now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    packet = f"IN={node} OUT= MAC=9a:61:56:0c:ba:c7:7e:d5:95:2a:f4:ff:08:00 SRC=192.0.2.7 DST=192.168.99.1 LEN=48"
    packet += f" TOS=0x00 PREC=0x00 TTL=64 ID={number} DF PROTO=UDP SPT={40000 + number} DPT=69 LEN=28 "
    with open(file, "a") as log:
        print(f"{now} {node} kernel: IPTables-TFTP-Rejected: {packet}", file=log)
    time.sleep(float(pause))
"""


@dataclass(frozen=True)
class Folders:
    """On each node a log folder with a syslog, /var/log/NAME, and the place of a state folder, /var/lib/NAME."""

    cluster: "Cluster"
    name: str

    @property
    def log(self) -> str:
        return f"/var/log/{self.name}"

    @property
    def state(self) -> str:
        return f"/var/lib/{self.name}"

    @property
    def values(self) -> dict[str, Any]:
        """What the chart must know of them."""
        return {"logs": {"hostPath": self.log}, "state": {"hostPath": self.state}}

    def on(self, node: str) -> dict[str, Any]:
        """Values of the chart that keep the daemonset to one node."""
        return {"nodeSelector": {"kubernetes.io/hostname": node}, "podLabels": {"test": self.name}}

    def reject(self, node: str, packets: int, *, pause: float = 0) -> None:
        """So many lines about packets that the kernel rejected, `pause` seconds apart."""
        words = (f"{self.log}/syslog", str(packets), str(pause), node)
        self.cluster.on(node, "python3", "-c", WRITE, *words, seconds=60 + 2 * packets * pause)

    def on_stock_python(self, node: str) -> dict[str, Any]:
        """Values for a cronjob on one node with its code from the ConfigMap tftp-monitor; its schedule is far away."""
        repository, tag = self.cluster.python().rsplit(":", 1)
        image = {"repository": repository, "tag": tag}
        return {"mode": "cronjob", "nodes": [node], "schedule": "0 0 1 1 *", "delivery": "configmap", "image": image}

    def found(self, node: str) -> list[str]:
        """All files and folders of this test on a node."""
        found = f"find /var/log/{self.name} /var/lib/{self.name} 2>/dev/null || true"
        return sorted(self.cluster.on(node, "sh", "-c", found).splitlines())


@pytest.fixture
def folders(cluster: "Cluster", namespace: "Namespace") -> Iterator[Folders]:
    """They end with the test."""
    made = Folders(cluster, namespace.name)
    for node in cluster.nodes:
        cluster.on(node, "mkdir", "-m", "755", made.log)
        cluster.on(node, "install", "-g", "adm", "-m", "640", "/dev/null", f"{made.log}/syslog")
    yield made
    for node in cluster.nodes:
        cluster.on(node, "rm", "-rf", made.log, made.state)


@dataclass(frozen=True)
class Install:
    """Installs or upgrades the chart on the test's folders, with the inbox as receiver; gives what helm writes."""

    namespace: "Namespace"
    folders: Folders
    inbox: "Inbox"

    def __call__(self, values: dict[str, Any], release: str = "tftp-monitor", major: int = 4) -> str:
        settings = {"receivers": [self.inbox.settings("admin@example.org")]}
        given = {"settings": settings, "existingSecret": "mail", **self.folders.values, **values}
        words = ("upgrade", "--install", release, "deploy/chart", "--values=-")
        return self.namespace.helm(*words, stdin=json.dumps(given), major=major)


@pytest.fixture
def install(namespace: "Namespace", folders: Folders, inbox: "Inbox", image: str) -> Install:
    assert image
    namespace.secret("mail", inbox.secrets)
    return Install(namespace, folders, inbox)


@pytest.fixture
def shell(namespace: "Namespace", tmp_path: Path, pyz: Path) -> Shell:
    """Runs commands as an operator types them: in a folder with tocsin.pyz, in the test's namespace."""
    here = tmp_path / "operator"
    here.mkdir()
    shutil.copy(pyz, here / "tocsin.pyz")
    shutil.copy(os.environ["KUBECONFIG"], here / "kubeconfig")
    there = {**os.environ, "KUBECONFIG": str(here / "kubeconfig")}
    place = ["kubectl", "config", "set-context", "--current", f"--namespace={namespace.name}"]
    subprocess.run(place, env=there, check=True, capture_output=True)

    def run(text: str) -> str:
        command = ["bash", "-e", "-o", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=here, env=there, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return done.stdout

    return run
