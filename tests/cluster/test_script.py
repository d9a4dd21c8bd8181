"""What was typed for the shell script before tocsin works as written, or with the word changed that README names."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import NEVER, on_stock_python
from tests.cluster.shell import EDIT, MAKE, RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Eventually
    from tests.cluster.mail import Inbox
    from tests.cluster.namespace import Namespace
    from tests.cluster.release import Release
    from tests.cluster.shell import Shell

MANIFEST = Path(__file__).with_name("tftp-monitor.yaml")
README = Path("README.md")
DESCRIBE = "kubectl describe configmaps tftp-monitor"
CRONJOBS = "kubectl get cronjobs --selector=app=tftp-monitor"
ALL = "kubectl get all --selector=app=tftp-monitor"
MONITOR_LOG = """
mkdir -p /var/log/mon_logs/
touch /var/log/mon_logs/tftp_monitor.log
chmod 666 /var/log/mon_logs/tftp_monitor.log
"""
LOGS = """
pods=$(kubectl get pods --selector=app=tftp-monitor --output=jsonpath={.items[*].metadata.name})
for pod in ${pods[@]}; do kubectl logs $pod; done
"""
UNINSTALL = """
kubectl delete cronjobs tftp-monitor
kubectl delete configmaps tftp-monitor
"""
LABEL = r"sed -i 's/^  name: tftp-monitor$/&\n  labels: {edited: here}/'"


@dataclass(frozen=True)
class Lab:
    """What the script's operator had: a node with the monitor log that he made, and a mail server without secrets."""

    namespace: "Namespace"
    shell: "Shell"
    inbox: "Inbox"

    @property
    def manifest(self) -> str:
        """The manifest with the addresses of this cluster, on its first node: the script's cluster had no other."""
        cluster, text = self.namespace.cluster, MANIFEST.read_text()
        here = {
            "python:3.11-slim": cluster.python(),
            "192.168.99.1": cluster.address("node1"),
            "192.168.1.23": self.inbox.host,
            '"25"': f'"{self.inbox.port}"',
            "restartPolicy:": "nodeSelector: {kubernetes.io/hostname: node1}\n          restartPolicy:",
        }
        for old, new in here.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        return text

    def on_node(self, *command: str) -> str:
        return self.namespace.cluster.on("node1", *command)


@pytest.fixture
def lab(namespace: "Namespace", shell: "Shell", plain_inbox: "Inbox") -> "Iterator[Lab]":
    """What is on the node is gone afterwards, the state beside the monitor log too."""
    made = Lab(namespace, shell, plain_inbox)
    made.on_node("sh", "-c", MONITOR_LOG)
    yield made
    made.on_node("rm", "-rf", "/var/log/mon_logs")


def test_readme_names_every_command() -> None:
    lines = README.read_text().splitlines()
    for command in (MAKE, DESCRIBE, EDIT, CRONJOBS, ALL, *LOGS.split("\n")[1:-1], *UNINSTALL.split("\n")[1:-1]):
        assert f"    {command}" in lines


@pytest.mark.xdist_group("node1")
def test_the_scripts_manifest_with_three_lines_changed_mails_an_attack(lab: Lab, eventually: "Eventually") -> None:
    assert lab.shell(MAKE) == "configmap/tftp-monitor created\n"
    lab.namespace.cluster.guard("node1")
    lab.namespace.cluster.attack("node1")
    lab.namespace.kubectl("apply", "--filename=-", stdin=lab.manifest)
    (mail,) = eventually(lambda: lab.inbox.mails, 120)
    assert mail.recipients == ("admin@example.org",)
    assert (mail.message["From"], mail.message["X-Tocsin-Reason"]) == ("root@tftp-monitor", "first")
    assert "192.168.99.100 was rejected on" in mail.content.decode()
    logs = f"({LOGS}) || true"  # the next run's pod may have none yet
    eventually(lambda: "attack: at least" in lab.shell(logs))
    assert set(lab.shell(logs).splitlines()) <= set(
        lab.on_node("cat", "/host_logs/mon_logs/tftp_monitor.log").splitlines()
    )


@pytest.mark.xdist_group("node1")
def test_the_scripts_two_deletes_leave_the_state_folder_alone(lab: Lab, eventually: "Eventually") -> None:
    before = lab.namespace.left()
    lab.shell(MAKE)
    lab.namespace.kubectl("apply", "--filename=-", stdin=lab.manifest)
    lab.shell(RUN.format("tftp-monitor-now"))
    for kind in ("cronjob.batch/tftp-monitor ", "job.batch/tftp-monitor-now ", "pod/tftp-monitor-now-"):
        assert kind in lab.shell(ALL)
    lab.shell(UNINSTALL)
    assert eventually(lambda: lab.namespace.left() == before)
    assert lab.on_node("ls", "-A", "/host_logs/mon_logs").split() == ["tftp_monitor.log", "tocsin"]


@pytest.fixture
def installed(release: "Release", shell: "Shell") -> "Shell":
    """The chart with its code from the ConfigMap that the operator makes."""
    assert shell(MAKE) == "configmap/tftp-monitor created\n"
    release.install(**on_stock_python(release.cluster, "node1"))
    return shell


def test_the_scripts_commands_show_the_code_the_jobs_and_their_logs(installed: "Shell") -> None:
    installed(RUN.format("tftp-monitor-now"))
    described = installed(DESCRIBE)
    assert "Name:         tftp-monitor\n" in described
    assert "tocsin.pyz: " in described
    for command in ("kubectl get cronjobs", CRONJOBS):
        assert installed(command).splitlines()[1].split()[:6] == ["tftp-monitor", *NEVER.split()]
    everything = installed(ALL)
    for kind in ("pod/tftp-monitor-now-", "job.batch/tftp-monitor-now ", "cronjob.batch/tftp-monitor "):
        assert kind in everything
    assert "attack: none in 0 lines" in installed(LOGS)


def test_an_edit_of_the_settings_is_what_the_next_run_follows(
    installed: "Shell", release: "Release", eventually: "Eventually"
) -> None:
    installed(f"EDITOR='sed -i s/admin@example.org/boss@example.org/' {EDIT}")
    release.folders.reject("node1", 3)
    installed(RUN.format("after"))
    assert eventually(lambda: [mail.recipients for mail in release.inbox.mails]) == [("boss@example.org",)]


def test_an_edit_of_the_codes_configmap_leaves_the_code_whole(installed: "Shell") -> None:
    installed(f'EDITOR="{LABEL}" kubectl edit configmaps tftp-monitor')
    assert installed("kubectl get configmaps --selector=edited=here --output=name") == "configmap/tftp-monitor\n"
    installed(
        "kubectl get configmaps tftp-monitor --output=jsonpath='{.binaryData.tocsin\\.pyz}'"
        "| base64 -d | cmp - tocsin.pyz"
    )
