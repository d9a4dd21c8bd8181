"""A real attack, from the packet to the mail, on the CronJob's own schedule."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster import now
from tests.cluster.release import cronjob, ending

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster, Eventually
    from tests.cluster.namespace import Namespace
    from tests.cluster.release import Release

REJECTED = re.compile(r"IPTables-TFTP-Rejected: .* SRC=192\.168\.99\.100 ")
TOLD = re.compile(
    r"The firewall of node(?P<node>[12]) \(192\.168\.99\.(?P=node)\)\s+"
    r"rejected\s+at\s+least\s+(?P<packets>\d+)\s+packets?\s"
)
QUIET = timedelta(minutes=2)


@pytest.mark.xdist_group("node1")
def test_an_attack_is_mailed_once_within_90_seconds_with_a_count_that_is_not_above_the_truth(
    cluster: "Cluster", release: "Release", eventually: "Eventually"
) -> None:
    cluster.rotate("node1")
    cluster.on("node1", "sh", "-c", "rm -f /var/log/syslog.*")  # attacks of other tests
    release.install(**cronjob("node1"), schedule="*/1 * * * *", logs={"hostPath": "/var/log"})
    cluster.guard("node1")
    cluster.attack("node1", gets=20)
    mail = eventually(lambda: release.inbox.mails, 90)[0]
    lines = [line for line in cluster.syslog("node1") if REJECTED.search(line)]
    assert mail.at - datetime.fromisoformat(lines[0].split()[0]) < timedelta(seconds=90)
    assert 1 <= _told(mail.text) <= len(lines)
    assert (mail.message["X-Tocsin-Node"], mail.message["X-Tocsin-Reason"]) == ("node1", "first")
    ended = eventually(lambda: _ended_quietly(release.namespace, mail.at), 180)
    assert set(ended) == {"Complete"}
    assert len(release.inbox.attempts) == 1


@pytest.mark.xdist_group("node1")
@pytest.mark.parametrize("mode", ["cronjob", "daemonset"])
def test_attacks_on_both_nodes_are_a_mail_of_each(
    mode: str, cluster: "Cluster", release: "Release", eventually: "Eventually"
) -> None:
    nodes = ("node1", "node2")
    for node in nodes:
        cluster.rotate(node)
        cluster.on(node, "sh", "-c", "rm -f /var/log/syslog.*")
    values = {**cronjob(*nodes), "schedule": "*/1 * * * *"} if mode == "cronjob" else {"mode": mode}
    release.install(**values, logs={"hostPath": "/var/log"})
    for node in nodes:
        cluster.guard(node)
        cluster.attack(node, gets=20)
    mails = eventually(lambda: release.inbox.mails if len(release.inbox.mails) > 1 else [], 90)
    for mail in mails:
        node = mail.message["X-Tocsin-Node"]
        lines = [line for line in cluster.syslog(node) if REJECTED.search(line)]
        assert 1 <= _told(mail.text) <= len(lines)
        assert mail.message["X-Tocsin-Reason"] == "first"
        assert mail.at - datetime.fromisoformat(lines[0].split()[0]) < timedelta(seconds=90)
    assert {mail.message["X-Tocsin-Node"] for mail in mails} == set(nodes)


def _told(text: str) -> int:
    """The number of packets that a mail tells of."""
    found = TOLD.search(text)
    assert found, text
    return int(found["packets"])


def _ended_quietly(namespace: "Namespace", since: datetime) -> list[str]:
    """How the Jobs ended, once two minutes have passed and two Jobs in them have ended."""
    jobs = [job for job in namespace.get("jobs") if ending(job)]
    later = [job for job in jobs if datetime.fromisoformat(job["status"]["startTime"]) > since]
    return [ending(job)["type"] for job in jobs] if now() - since > QUIET and len(later) >= 2 else []
