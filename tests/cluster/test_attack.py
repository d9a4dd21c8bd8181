"""A real attack, from the packet to the mail, on the CronJob's own schedule."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import Release, ending

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Eventually, Inbox, Mail, Namespace

REJECTED = re.compile(r"IPTables-TFTP-Rejected: .* SRC=192\.168\.99\.100 ")
TOLD = re.compile(
    r"The firewall of node(?P<node>[12]) \(192\.168\.99\.(?P=node)\)\s+"
    r"rejected\s+at\s+least\s+(?P<packets>\d+)\s+packets?\s"
)
QUIET = timedelta(minutes=2)


@pytest.mark.usefixtures("image")
@pytest.mark.xdist_group("node1")
def test_an_attack_is_mailed_once_within_90_seconds_with_a_count_that_is_not_above_the_truth(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", eventually: "Eventually"
) -> None:
    cluster.rotate("node1")
    cluster.on("node1", "sh", "-c", "rm -f /var/log/syslog.*")  # attacks of other tests
    release = Release(namespace, inbox)
    release.install({}, mode="cronjob", nodes=["node1"], schedule="*/1 * * * *", logs={"hostPath": "/var/log"})
    cluster.guard("node1")
    cluster.attack("node1", gets=20)
    mail = eventually(lambda: inbox.mails, 90)[0]
    lines = [line for line in cluster.syslog("node1") if REJECTED.search(line)]
    assert mail.at - datetime.fromisoformat(lines[0].split()[0]) < timedelta(seconds=90)
    assert 1 <= _told(mail) <= len(lines)
    assert (mail.message["X-Tocsin-Node"], mail.message["X-Tocsin-Reason"]) == ("node1", "first")
    ended = eventually(lambda: _ended_quietly(namespace, mail.at), 180)
    assert set(ended) == {"Complete"}
    assert len(inbox.attempts) == 1


@pytest.mark.usefixtures("image")
@pytest.mark.xdist_group("node2")
def test_a_daemonset_mails_an_attack_on_the_other_node_while_it_goes_on(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", eventually: "Eventually"
) -> None:
    cluster.rotate("node2")
    cluster.on("node2", "sh", "-c", "rm -f /var/log/syslog.*")
    release = Release(namespace, inbox)
    node = {"kubernetes.io/hostname": "node2"}
    release.install({}, mode="daemonset", nodeSelector=node, logs={"hostPath": "/var/log"})
    namespace.kubectl("rollout", "status", "daemonset/tftp-monitor", "--timeout=60s")
    cluster.guard("node2")
    cluster.attack("node2", gets=20)
    mail = eventually(lambda: inbox.mails, 10)[0]
    lines = [line for line in cluster.syslog("node2") if REJECTED.search(line)]
    assert 1 <= _told(mail) <= len(lines)
    assert (mail.message["X-Tocsin-Node"], mail.message["X-Tocsin-Reason"]) == ("node2", "first")
    assert mail.at - datetime.fromisoformat(lines[0].split()[0]) < timedelta(seconds=10)


def _told(mail: "Mail") -> int:
    """The number of packets that the mail tells of."""
    text = mail.message.get_body(("plain",))
    found = TOLD.search(text.get_content()) if text else None
    assert found, mail.content
    return int(found["packets"])


def _ended_quietly(namespace: "Namespace", since: datetime) -> list[str]:
    """How the Jobs ended, once two minutes have passed and two Jobs in them have ended."""
    jobs = [job for job in namespace.get("jobs") if ending(job)]
    later = [job for job in jobs if datetime.fromisoformat(job["status"]["startTime"]) > since]
    passed = datetime.now(UTC) - since  # noqa: TID251 (the real clock is what is measured)
    return [ending(job)["type"] for job in jobs] if passed > QUIET and len(later) >= 2 else []
