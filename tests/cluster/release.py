"""The chart as `tftp-monitor` in a namespace of a test's own, with logs and a state of its own on each node."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Inbox, Namespace

NAME = "tftp-monitor"
NEVER = "0 0 29 2 *"  # a schedule of Jobs that a test starts itself
LINE = (
    "{at} {node} kernel: [  705.905357] IPTables-TFTP-Rejected: IN={node} OUT= "
    "MAC=da:71:35:a8:01:0d:4a:a9:0f:54:e5:7d:08:00 SRC={src} DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 "
    "ID={serial} DF PROTO=UDP SPT=45887 DPT=69 LEN=28 \n"
)


@dataclass(frozen=True)
class Release:
    """A release, which mails to the inbox, and the Jobs of its CronJobs."""

    namespace: "Namespace"
    inbox: "Inbox"

    @property
    def cluster(self) -> "Cluster":
        return self.namespace.cluster

    @property
    def logs(self) -> str:
        """The folder of logs on each node."""
        return f"/var/log/{self.namespace.name}"

    def install(self, settings: dict[str, object], **values: object) -> None:
        """Installs it, or upgrades what is installed, with these settings and values; the state stays."""
        receivers = [self.inbox.settings("admin@example.org")]
        given = {
            "existingSecret": "mail",
            "schedule": NEVER,
            "logs": {"hostPath": self.logs},
            "state": {"hostPath": f"/var/lib/{self.namespace.name}"},
            "settings": {"receivers": receivers, **settings},
            **values,
        }
        self.namespace.secret("mail", self.inbox.secrets)
        words = ("upgrade", "--install", NAME, "deploy/chart", "--values=-")
        self.namespace.helm(*words, stdin=json.dumps(given))

    def new_log(self, *nodes: str) -> None:
        """An empty log on these nodes, as rsyslog makes it on Debian."""
        for node in nodes:
            self.cluster.on(node, "install", "--directory", self.logs)
            self.cluster.on(node, "install", "--mode=640", "--group=adm", "/dev/null", f"{self.logs}/syslog")

    def write(self, node: str, src: str, packets: int = 1, at: datetime | None = None) -> None:
        """So many rejected packets of a source, as the kernel and rsyslog write them; now, if not at another time."""
        stamp = at or datetime.now(UTC)  # noqa: TID251 (the pods have the real clock)
        lines = [LINE.format(at=stamp.isoformat(), node=node, src=src, serial=serial) for serial in range(packets)]
        self.cluster.on(node, "tee", "--append", f"{self.logs}/syslog", stdin="".join(lines))

    def cronjobs(self) -> dict[str, str]:
        """The CronJob of each node."""
        names = {
            each["metadata"]["annotations"]["tocsin/node"]: each["metadata"] for each in self.namespace.get("cronjobs")
        }
        return {node: metadata["name"] for node, metadata in names.items()}

    def start(self, job: str, cronjob: str = NAME) -> str:
        """Starts a Job of the CronJob; its name."""
        self.namespace.kubectl("create", "job", job, f"--from=cronjob/{cronjob}")
        return job

    def end(self, job: str) -> dict[str, str]:
        """How the Job ended: its condition `Complete` or `Failed`; nothing as long as it goes on."""
        return ending(self.namespace.get("job", job))

    def exits(self, job: str) -> list[int]:
        """The exit statuses of the Job's pods, oldest first."""
        return [state["exitCode"] for state in self.terminated(job)]

    def terminated(self, job: str) -> list[dict[str, Any]]:
        """How tocsin ended in each of the Job's pods, oldest first."""
        pods = self.namespace.get("pods", f"--selector=batch.kubernetes.io/job-name={job}")
        ends = [state["terminated"] for pod in by_age(pods) for state in _states(pod) if "terminated" in state]
        return sorted(ends, key=lambda end: str(end["finishedAt"]))


def by_age(objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects of Kubernetes, oldest first."""
    return sorted(objects, key=lambda each: str(each["metadata"]["creationTimestamp"]))


def ending(job: dict[str, Any]) -> dict[str, str]:
    """A Job's condition `Complete` or `Failed`; nothing as long as it goes on."""
    conditions: list[dict[str, str]] = job["status"].get("conditions", [])
    return next((each for each in conditions if each["type"] in {"Complete", "Failed"}), {})


def _states(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["state"] for each in pod["status"].get("containerStatuses", [])]
