"""What tocsin may do inside its pod: read the logs, write its state, and nothing else."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.release import daemonset

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually
    from tests.cluster.namespace import Namespace
    from tests.cluster.release import Release

LOOK = """
import json, os
PLACES = ("/", "/app", "/etc", "/host_logs", "/etc/tocsin", "/secrets", "/tmp", "/var/lib/tocsin")
WANTED = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
def writable(folder):
    try:
        os.close(os.open(f"{folder}/by-a-test", os.O_WRONLY | os.O_CREAT))
        os.unlink(f"{folder}/by-a-test")
        return True
    except OSError:
        return False
status = dict(line.rstrip().split(":\t", 1) for line in open("/proc/1/status") if ":\t" in line)
mounts = {line.split()[4]: line.split()[5].split(",") for line in open("/proc/self/mountinfo")}
print(json.dumps({
    **{name: status[name].split() for name in WANTED},
    "read-only": [place for place in PLACES if "ro" in mounts.get(place, [])],
    "writable": [place for place in PLACES if writable(place)],
    "token": any(map(os.path.exists, ("/run/secrets/kubernetes.io", "/var/run/secrets/kubernetes.io"))),
}))
"""
OWN = ["/tmp", "/var/lib/tocsin"]  # noqa: S108 (in the pod: a memory file system of its own)


def seen(namespace: "Namespace") -> Any:  # noqa: ANN401 (what LOOK prints)
    """What the first process of tocsin's container is allowed."""
    return json.loads(namespace.kubectl("exec", "daemonset/tftp-monitor", "--", "python3", "-c", LOOK))


@pytest.mark.parametrize(
    ("profile", "user", "rights"), [("nonroot", "65532", "root:adm 640"), ("root-nocaps", "0", "root:root 600")]
)
def test_tocsin_reads_the_log_without_any_right_that_it_does_not_need(
    profile: str, user: str, rights: str, release: "Release", eventually: "Eventually"
) -> None:
    (owner, mode), log = rights.split(), release.folders.log
    release.cluster.on("node1", "sh", "-c", f"chown {owner} {log}; chmod {mode} {log}")
    release.install(profile=profile, **daemonset("node1"))
    release.folders.reject("node1", 3)
    assert eventually(lambda: release.inbox.mails, 90)[0].message["X-Tocsin-Node"] == "node1"
    found = seen(release.namespace)
    assert (found["Uid"], found["Gid"]) == ([user] * 4, [user] * 4)
    assert set(found["Groups"]) <= {user, "4"}
    assert [int(found[name][0], 16) for name in found if name.startswith("Cap")] == [0] * 5
    assert (found["NoNewPrivs"], found["Seccomp"]) == (["1"], ["2"])
    assert found["read-only"] == ["/", "/host_logs", "/etc/tocsin", "/secrets"]
    assert found["writable"] == OWN
    assert not found["token"]
