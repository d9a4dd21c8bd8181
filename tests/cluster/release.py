"""The chart installed on folders of the test's own, and Jobs that the test starts by hand."""

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster, Eventually
    from tests.cluster.folders import Folders
    from tests.cluster.mail import Inbox
    from tests.cluster.namespace import Namespace

NAME = "tftp-monitor"
NEVER = "0 0 30 2 *"
JSON = {"log": {"format": "json"}}  # the settings that `Run` reads


@dataclass(frozen=True)
class Run:
    """A Job that has ended: how, and of each of its pods, oldest first, the exit status and what it wrote."""

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


@dataclass(frozen=True)
class Release:
    """The chart on the test's folders, with the inbox as receiver."""

    namespace: "Namespace"
    folders: "Folders"
    inbox: "Inbox"
    eventually: "Eventually"

    @property
    def cluster(self) -> "Cluster":
        return self.namespace.cluster

    def install(
        self,
        settings: dict[str, Any] | None = None,
        *,
        name: str = NAME,
        major: int = 4,
        **values: Any,  # noqa: ANN401 (the chart's)
    ) -> str:
        """Installs it, or upgrades what is installed, with these settings and values; gives what helm writes."""
        given = {
            "existingSecret": "mail",
            "schedule": NEVER,
            "settings": {"receivers": [self.inbox.settings("admin@example.org")], **(settings or {})},
            **self.folders.values,
            **values,
        }
        words = ("upgrade", "--install", name, "deploy/chart", "--values=-")
        return self.namespace.helm(*words, stdin=json.dumps(given), major=major)

    def rolled_out(self) -> None:
        """Waits until the daemonset is what was installed last, on each of its nodes."""
        self.namespace.kubectl("rollout", "status", f"daemonset/{NAME}", "--timeout=120s")

    def start(self, job: str = "", cronjob: str = NAME) -> str:
        """Starts a Job as the schedule would; its name."""
        name = job or f"run-{secrets.token_hex(4)}"
        self.namespace.kubectl("create", "job", name, f"--from=cronjob/{cronjob}")
        return name

    def ended(self, job: str, seconds: float = 180) -> Run:
        """The Job once it has ended."""
        end = self.eventually(lambda: ending(self.namespace.get("job", job)), seconds)
        pods, ends = self.pods(job), self.terminated(job)
        assert len(ends) == len(pods), pods
        logs = [self.namespace.kubectl("logs", pod["metadata"]["name"]) for pod in pods]
        how = end["type"] if end["type"] == "Complete" else end["reason"]
        return Run(how, [each["exitCode"] for each in ends], logs)

    def run(self, job: str = "", cronjob: str = NAME, seconds: float = 180) -> Run:
        return self.ended(self.start(job, cronjob), seconds)

    def pods(self, job: str) -> list[dict[str, Any]]:
        """The Job's pods, oldest first."""
        pods: list[dict[str, Any]] = self.namespace.get("pods", f"--selector=batch.kubernetes.io/job-name={job}")
        return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def terminated(self, job: str) -> list[dict[str, Any]]:
        """How tocsin ended in those of the Job's pods where it has, oldest first."""
        states = [each["state"] for pod in self.pods(job) for each in pod["status"].get("containerStatuses", [])]
        return [state["terminated"] for state in states if "terminated" in state]

    def ask(self, *words: str) -> Any:  # noqa: ANN401 (what tocsin writes as JSON)
        """What another verb says in a pod like that of a run."""
        like = ("create", "job", "ask", f"--from=cronjob/{NAME}", "--dry-run=client", "--output=json")
        job = json.loads(self.namespace.kubectl(*like))
        job["spec"]["template"]["spec"]["containers"][0]["args"] = words
        self.namespace.apply(job)
        asked = self.ended("ask")
        self.namespace.kubectl("delete", "job", "ask")
        assert asked.end == "Complete", asked
        return json.loads(asked.logs[0])


def ending(job: dict[str, Any]) -> dict[str, str]:
    """A Job's condition `Complete` or `Failed`; nothing as long as it goes on."""
    true = [each for each in job["status"].get("conditions", []) if each["status"] == "True"]
    return next((each for each in true if each["type"] in {"Complete", "Failed"}), {})


def daemonset(node: str) -> dict[str, Any]:
    """Values of the chart: the daemonset on one node."""
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def cronjob(*nodes: str) -> dict[str, Any]:
    """Values of the chart: a cronjob on each of these nodes."""
    return {"mode": "cronjob", "nodes": nodes}


def on_stock_python(cluster: "Cluster", node: str) -> dict[str, Any]:
    """Values of the chart: a cronjob on one node with its code from the ConfigMap tftp-monitor."""
    repository, tag = cluster.python().rsplit(":", 1)
    return {**cronjob(node), "delivery": "configmap", "image": {"repository": repository, "tag": tag}}


@pytest.fixture
def release(
    namespace: "Namespace", folders: "Folders", inbox: "Inbox", image: str, eventually: "Eventually"
) -> Release:
    """Nothing is installed yet; the inbox's secrets are there."""
    assert image
    namespace.secret("mail", inbox.secrets)
    return Release(namespace, folders, inbox, eventually)
