"""Attacks on two nodes at once, and the way from one mode to the other."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import Release

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Eventually, Inbox, Namespace

SETTINGS: dict[str, object] = {
    "rules": [{"name": "tftp", "prefix": "IPTables-TFTP-Rejected: ", "window": "90s"}],
}


@pytest.mark.usefixtures("image")
def test_each_node_has_one_thread_of_mails_for_an_attack_whichever_mode_tells_it(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", eventually: "Eventually"
) -> None:
    if len(cluster.nodes) < 2:
        pytest.skip("needs a second node")
    release = Release(namespace, inbox)
    release.new_log(*cluster.nodes)
    release.install(SETTINGS, mode="cronjob", nodes=list(cluster.nodes))
    _attack(release, cluster.nodes)
    for node, cronjob in release.cronjobs().items():
        release.start(node, cronjob)
    for node in cluster.nodes:
        assert eventually(lambda node=node: release.end(node))["type"] == "Complete"  # type: ignore[misc]
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


def _attack(release: Release, nodes: tuple[str, ...]) -> None:
    at = datetime.now(UTC)  # noqa: TID251 (the pods have the real clock)
    for number, node in enumerate(nodes):
        release.write(node, f"198.51.100.{number}", packets=9, at=at)


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
