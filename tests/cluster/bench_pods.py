"""What tocsin costs a node in a cluster, beside the shell script that it replaces: a part of `make bench`.

CPU is that of everything in the node's pods (the cgroup `kubepods`), the start of the containers included, so nothing
else may run in them meanwhile. The log is the test's own and holds a kernel's lines that were written to it by hand.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster import now
from tests.cluster.folders import rejected
from tests.cluster.release import NAME, NEVER, Release, cronjob, daemonset

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster, Eventually
    from tests.cluster.namespace import Namespace

ROUNDS, MINUTE = 5, 60
FOLDER = Path(__file__).parent
SCRIPT = FOLDER.parent / "bench" / "seed.sh"
FIGURES = FOLDER.parents[1] / "build" / "bench" / "pods.txt"
BUSYBOX = "localhost/busybox:bench"
APPLETS = ("sh", "date", "tee", "tail", "grep", "awk", "sed", "sort", "uniq")
SETTINGS = {"notify": {"over": False}}


@pytest.fixture
def quiet(release: Release) -> Release:
    """Nothing is installed yet, and the log's lines are a minute's that tell of no attack."""
    release.folders.write("node1", [f"{now().isoformat()} node1 cron[1]: (root) CMD (true)"] * 1000)
    return release


def say(work: str, figure: str) -> None:
    """A line of what is shown at the end."""
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    with FIGURES.open("a") as file:
        file.write(f"{work:70} {figure}\n")


def used() -> float:
    """Seconds of CPU that the node's pods have used since it began."""
    return int(Path("/sys/fs/cgroup/cpuacct/cluster-node1/kubepods/cpuacct.usage").read_text()) / 1e9


def cost(work: Callable[[], object]) -> float:
    before = used()
    work()
    return used() - before


def watching(release: Release, eventually: "Eventually") -> None:
    """Waits until the daemonset has read the log for the first time."""
    release.rolled_out()
    eventually(lambda: "checked" in release.namespace.kubectl("logs", f"daemonset/{NAME}"))


def run(release: Release, name: str) -> None:
    assert release.run(cronjob=name).end == "Complete"


def busybox(cluster: "Cluster", folder: Path) -> None:
    """An image of Debian's BusyBox with the libraries that it needs."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    linked = subprocess.run(["ldd", "/bin/busybox"], check=True, capture_output=True, text=True).stdout
    for file in ("/bin/busybox", *(word for word in linked.split() if word.startswith("/"))):
        (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / file[1:]).write_bytes(Path(file).read_bytes())
        (root / file[1:]).chmod(0o755)
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    archive = folder / "busybox.tar"
    subprocess.run(
        [sys.executable, FOLDER / "kubernetes/mkimage.py", archive, BUSYBOX, root], check=True, capture_output=True
    )
    cluster.load(archive)


def script(namespace: "Namespace", logs: str) -> None:
    """The shell script as a CronJob that never comes up by itself."""
    namespace.kubectl("create", "configmap", "script", f"--from-file=script.sh={SCRIPT}")
    container = {
        "name": "script",
        "image": BUSYBOX,
        "command": ["sh", "/scripts/script.sh"],
        "env": [{"name": "LOG", "value": "/host_logs/syslog"}, {"name": "MONITOR", "value": "/nowhere"}],
        "volumeMounts": [{"name": "logs", "mountPath": "/host_logs"}, {"name": "scripts", "mountPath": "/scripts"}],
    }
    volumes = [{"name": "logs", "hostPath": {"path": logs}}, {"name": "scripts", "configMap": {"name": "script"}}]
    pod = {"nodeName": "node1", "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    spec = {"schedule": NEVER, "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    namespace.apply({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "script"}, "spec": spec})


def test_from_the_kernels_line_to_the_accepted_mail(quiet: Release, eventually: "Eventually") -> None:
    inbox = quiet.inbox
    rules = [{"name": f"r{i}", "prefix": f"R{i}: "} for i in range(2 * ROUNDS)]
    quiet.install({**SETTINGS, "rules": rules}, **daemonset("node1"))
    watching(quiet, eventually)
    waits = []
    for i in range(2 * ROUNDS):
        start = now()
        (line,) = rejected("node1", 1, start)
        quiet.folders.write("node1", [line.replace("IPTables-TFTP-Rejected", f"R{i}")])
        eventually(lambda i=i: len(inbox.mails) > i, 30)  # type: ignore[misc]
        waits.append((inbox.mails[i].at - start).total_seconds())
    least, middle, most = min(waits), statistics.median(waits), max(waits)
    say("daemonset: from the line in the log to the accepted mail", f"{middle:.2f} s ({least:.2f} to {most:.2f})")


def test_a_minute_of_the_daemonset(quiet: Release, eventually: "Eventually") -> None:
    quiet.install(SETTINGS, **daemonset("node1"))
    watching(quiet, eventually)
    say("daemonset: CPU of a quiet minute", f"{cost(lambda: sleep(MINUTE)) * 1000:.0f} ms")


def test_a_minute_of_the_cronjob_beside_the_shell_script(cluster: "Cluster", quiet: Release, tmp_path: Path) -> None:
    busybox(cluster, tmp_path)
    script(quiet.namespace, quiet.folders.logs)
    quiet.install(SETTINGS, **cronjob("node1"))
    run(quiet, NAME)
    costs: dict[str, list[float]] = {NAME: [], "script": []}
    for _ in range(ROUNDS):
        for name, seen in costs.items():
            seen.append(cost(lambda name=name: run(quiet, name)))  # type: ignore[misc]
    ours, theirs = (statistics.median(seen) for seen in costs.values())
    say("cronjob: CPU of a quiet run, its containers' start included", f"{ours * 1000:.0f} ms")
    say("the shell script in BusyBox, likewise", f"{theirs * 1000:.0f} ms; ratio {ours / theirs:.2f}")
