"""What tocsin costs a node in a cluster, beside the shell script that it replaces: a part of `make bench`.

CPU is that of everything in the node's pods (the cgroup `kubepods`), the start of the containers included, so nothing
else may run in them meanwhile. The log is the test's own and holds a kernel's lines that were written to it by hand.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Eventually, Inbox, Namespace

ROUNDS, MINUTE = 5, 60
FOLDER = Path(__file__).parent
SCRIPT = FOLDER.parent / "bench" / "seed.sh"
FIGURES = FOLDER.parents[1] / "build" / "bench" / "pods.txt"
BUSYBOX = "localhost/busybox:bench"
APPLETS = ("sh", "date", "tee", "tail", "grep", "awk", "sed", "sort", "uniq")
LINE = (
    "{stamp} node1 kernel: [  705.905357] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=48 "
    "TOS=0x00 PREC=0x00 TTL=64 ID={ident} DF PROTO=UDP SPT=55526 DPT=69 LEN=28"
)


@pytest.fixture
def log(cluster: "Cluster", namespace: "Namespace") -> str:
    """The node's folder that holds the log, whose quiet lines are a minute's."""
    folder = f"/var/log/{namespace.name}"
    cluster.on("node1", "mkdir", folder)
    cluster.on("node1", "sh", "-c", f"yes '{now()} node1 cron[1]: (root) CMD (true)' | head -n 1000 > {folder}/syslog")
    cluster.on("node1", "chown", "-R", "root:adm", folder)
    return folder


def now() -> str:
    return datetime.now(UTC).isoformat()  # noqa: TID251 (the real clock is what is measured)


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


def install(namespace: "Namespace", inbox: "Inbox", log: str, **values: object) -> None:
    namespace.secret("mail", inbox.secrets)
    chart = {
        "settings": {"receivers": [inbox.settings("admin@example.org")], "notify": {"over": False}},
        "existingSecret": "mail",
        "logs": {"hostPath": log},
        "state": {"hostPath": f"/var/lib/{namespace.name}"},
        "nodeSelector": {"kubernetes.io/hostname": "node1"},
    }
    namespace.helm("install", "bench", "deploy/chart", "--values=-", stdin=json.dumps(chart | values))


def run(namespace: "Namespace", cronjob: str, name: str) -> None:
    namespace.kubectl("create", "job", name, f"--from=cronjob/{cronjob}")
    namespace.kubectl("wait", "--for=condition=complete", f"job/{name}", "--timeout=60s")


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


def script(namespace: "Namespace", log: str) -> None:
    """The shell script as a CronJob that never comes up by itself."""
    namespace.kubectl("create", "configmap", "script", f"--from-file=script.sh={SCRIPT}")
    container = {
        "name": "script",
        "image": BUSYBOX,
        "command": ["sh", "/scripts/script.sh"],
        "env": [{"name": "LOG", "value": "/host_logs/syslog"}, {"name": "MONITOR", "value": "/nowhere"}],
        "volumeMounts": [{"name": "logs", "mountPath": "/host_logs"}, {"name": "scripts", "mountPath": "/scripts"}],
    }
    volumes = [{"name": "logs", "hostPath": {"path": log}}, {"name": "scripts", "configMap": {"name": "script"}}]
    pod = {"nodeName": "node1", "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    namespace.apply({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "script"}, "spec": spec})


@pytest.mark.usefixtures("image")
def test_from_the_kernels_line_to_the_accepted_mail(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", log: str, eventually: "Eventually"
) -> None:
    rules = [{"name": f"r{i}", "prefix": f"R{i}: "} for i in range(2 * ROUNDS)]
    settings = {"receivers": [inbox.settings("admin@example.org")], "notify": {"over": False}, "rules": rules}
    install(namespace, inbox, log, settings=settings)
    namespace.kubectl("rollout", "status", "daemonset/bench", "--timeout=60s")
    eventually(lambda: "checked" in namespace.kubectl("logs", "daemonset/bench"))
    waits = []
    for i in range(2 * ROUNDS):
        start = monotonic()
        line = LINE.format(stamp=now(), ident=i).replace("IPTables-TFTP-Rejected", f"R{i}")
        cluster.on("node1", "tee", "-a", f"{log}/syslog", stdin=line + "\n")
        eventually(lambda i=i: len(inbox.mails) > i, 30)  # type: ignore[misc]
        waits.append((inbox.mails[i].at.timestamp() - datetime.now(UTC).timestamp()) + monotonic() - start)  # noqa: TID251
    least, middle, most = min(waits), statistics.median(waits), max(waits)
    say("daemonset: from the line in the log to the accepted mail", f"{middle:.2f} s ({least:.2f} to {most:.2f})")


@pytest.mark.usefixtures("image")
def test_a_minute_of_the_daemonset(namespace: "Namespace", inbox: "Inbox", log: str, eventually: "Eventually") -> None:
    install(namespace, inbox, log)
    namespace.kubectl("rollout", "status", "daemonset/bench", "--timeout=60s")
    eventually(lambda: "checked" in namespace.kubectl("logs", "daemonset/bench"))
    say("daemonset: CPU of a quiet minute", f"{cost(lambda: sleep(MINUTE)) * 1000:.0f} ms")


@pytest.mark.usefixtures("image")
def test_a_minute_of_the_cronjob_beside_the_shell_script(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", log: str, tmp_path: Path
) -> None:
    busybox(cluster, tmp_path)
    script(namespace, log)
    install(namespace, inbox, log, mode="cronjob", nodes=["node1"], schedule="0 0 1 1 *")
    run(namespace, "bench", "first")
    costs: dict[str, list[float]] = {"bench": [], "script": []}
    for i in range(ROUNDS):
        for name, seen in costs.items():
            seen.append(cost(lambda name=name, i=i: run(namespace, name, f"{name}-{i}")))  # type: ignore[misc]
    ours, theirs = (statistics.median(seen) for seen in costs.values())
    say("cronjob: CPU of a quiet run, its containers' start included", f"{ours * 1000:.0f} ms")
    say("the shell script in BusyBox, likewise", f"{theirs * 1000:.0f} ms; ratio {ours / theirs:.2f}")
