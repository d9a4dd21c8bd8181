"""An installation tests itself; and without Helm the rendered manifests do what the chart does."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import NAME, daemonset
from tests.cluster.shell import MAKE

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually
    from tests.cluster.folders import Folders
    from tests.cluster.mail import Inbox
    from tests.cluster.namespace import Namespace
    from tests.cluster.release import Release
    from tests.cluster.shell import Shell

MANIFESTS = Path("deploy/manifests")
SELECTOR = "--selector=app=tftp-monitor"


@pytest.mark.parametrize("major", [3, 4])
def test_helm_test_passes_with_a_mail_marked_test(major: int, release: "Release") -> None:
    release.install(**daemonset("node1"), major=major)
    told = release.namespace.helm("test", NAME, "--timeout=90s", major=major)
    assert re.search(r"Phase: +Succeeded", told)
    (mail,) = release.inbox.mails
    assert mail.message["X-Tocsin-Reason"] == "test"
    assert "TEST" in mail.message["Subject"]
    assert not release.namespace.get("pods", "--selector=app.kubernetes.io/component=test")


def test_helm_test_can_check_the_settings_alone(release: "Release") -> None:
    release.install(**daemonset("node1"), test={"send": False})
    assert re.search(r"Phase: +Succeeded", release.namespace.helm("test", NAME, "--timeout=90s"))
    assert release.inbox.mails == []


@dataclass(frozen=True)
class Adapted:
    """The manifests with their placeholders replaced, on folders and with a Python image of the test's own."""

    namespace: "Namespace"
    folders: "Folders"
    server: str

    def __call__(self, name: str) -> str:
        here = {
            "server: mail.example.org:587": f"server: {self.server}\n        security: none",
            "minikube": "node1",
            "docker.io/library/python:3.11-slim": self.folders.cluster.python(),
            'path: "/host_logs': f'path: "{self.folders.logs}',
            'path: "/var/log"': f'path: "{self.folders.logs}"',
            'path: "/var/lib/tocsin"': f'path: "{self.folders.state}"',
        }
        text = (MANIFESTS / name).read_text()
        for old, new in here.items():
            text = text.replace(old, new)
        return text


@pytest.fixture
def adapted(namespace: "Namespace", folders: "Folders", plain_inbox: "Inbox", image: str) -> Adapted:
    assert image
    return Adapted(namespace, folders, plain_inbox.server)


@pytest.mark.parametrize("name", ["daemonset.yaml", "cronjob.yaml", "cronjob-configmap.yaml"])
def test_a_rendered_manifest_mails_an_attack(
    name: str, adapted: "Adapted", shell: "Shell", plain_inbox: "Inbox", eventually: "Eventually"
) -> None:
    namespace, text = adapted.namespace, adapted(name)
    if "configmap" in name:
        shell(MAKE)
    namespace.kubectl("apply", "--server-side", "--filename=-", stdin=text)
    adapted.folders.reject("node1", 3)
    if "cronjob" in name:
        namespace.kubectl("create", "job", "--from=cronjob/tftp-monitor", "now")
    (mail,) = eventually(lambda: plain_inbox.mails, 90)
    assert (mail.recipients, mail.message["X-Tocsin-Node"]) == (("admin@example.org",), "node1")
    namespace.kubectl("delete", "--filename=-", stdin=text)
    assert eventually(lambda: not namespace.get("pods,jobs,cronjobs,daemonsets,serviceaccounts", SELECTOR), 90)
