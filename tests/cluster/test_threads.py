"""Attacks on two nodes at once, and the way from one mode to the other."""

from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.cluster import now
from tests.cluster.folders import rejected
from tests.cluster.release import cronjob

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster, Eventually
    from tests.cluster.mail import Inbox
    from tests.cluster.release import Release

SETTINGS: dict[str, object] = {
    "rules": [{"name": "tftp", "prefix": "IPTables-TFTP-Rejected: ", "window": "90s"}],
}


def test_each_node_has_one_thread_of_mails_for_an_attack_whichever_mode_tells_it(
    cluster: "Cluster", release: "Release", eventually: "Eventually"
) -> None:
    if len(cluster.nodes) < 2:
        pytest.skip("needs a second node")
    inbox = release.inbox
    release.install(SETTINGS, **cronjob(*cluster.nodes))
    _attack(release, cluster.nodes)
    started = {
        _node(each): release.start(cronjob=each["metadata"]["name"]) for each in release.namespace.get("cronjobs")
    }
    assert {node: release.ended(job).end for node, job in started.items()} == dict.fromkeys(cluster.nodes, "Complete")
    _attack(release, cluster.nodes)
    release.install(SETTINGS, mode="daemonset")
    eventually(lambda: len(inbox.mails) == 4, 240)
    _attack(release, cluster.nodes)
    eventually(lambda: len(inbox.mails) == 6, 60)
    threads = _threads(inbox)
    assert sorted(threads.values()) == sorted(
        [[(node, "first"), (node, "over")] for node in cluster.nodes] + [[(node, "first")] for node in cluster.nodes]
    )
    for mail in inbox.mails:
        names = [node for node in cluster.nodes if node in mail.message.as_string()]
        assert names == [mail.message["X-Tocsin-Node"]]


def _node(cronjob: dict[str, Any]) -> str:
    return str(cronjob["metadata"]["annotations"]["tocsin/node"])


def _attack(release: "Release", nodes: tuple[str, ...]) -> None:
    at = now()
    for number, node in enumerate(nodes):
        release.folders.write(node, rejected(node, 9, at, src=f"198.51.100.{number}"))


def _threads(inbox: "Inbox") -> dict[str, list[tuple[str, str]]]:
    """Node and reason of each mail, by the Message-ID that its thread began with."""
    threads: dict[str, list[tuple[str, str]]] = {}
    for mail in inbox.mails:
        own = str(mail.message["Message-ID"])
        thread = str(mail.message["References"] or own).split()
        assert mail.message["In-Reply-To"] in {None, thread[-1]}
        threads.setdefault(thread[0], []).append(
            (str(mail.message["X-Tocsin-Node"]), str(mail.message["X-Tocsin-Reason"]))
        )
    return threads
