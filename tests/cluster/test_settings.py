"""Settings that are edited in the cluster hold from the next run on."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.cluster.watcher import SETTINGS, Watcher, now, packets

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Eventually, Inbox, Namespace


@pytest.fixture
def watcher(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", eventually: "Eventually", image: str
) -> Iterator[Watcher]:
    """It watches already: its first run read an empty log."""
    del image
    made = Watcher(cluster, namespace, eventually, cluster.nodes[0])
    namespace.secret("mail", inbox.secrets)
    rule = {"name": "tftp", "prefix": "IPTables-TFTP-Rejected: ", "threshold": 1}
    made.install({"receivers": [inbox.settings("admin@example.org")], "rules": [rule]}, existingSecret="mail")
    made.write([])
    assert made.run().statuses == [0]
    yield made
    made.remove()


def replace(namespace: "Namespace", old: str, new: str) -> None:
    """As the seed's pipe into `kubectl replace` does."""
    found = namespace.get("configmap", SETTINGS)
    assert old in found["data"]["tocsin.yaml"]
    found["data"]["tocsin.yaml"] = found["data"]["tocsin.yaml"].replace(old, new)
    namespace.kubectl("replace", "--filename=-", stdin=json.dumps(found))


def attack(watcher: Watcher, number: int, minutes: int) -> None:
    """An attack of so many packets so long ago, by the next run."""
    watcher.write(packets(number, now() - timedelta(minutes=minutes)))
    assert watcher.run().statuses == [0]


def test_a_recipient_and_a_threshold_that_are_edited_hold_from_the_next_run_on(
    watcher: Watcher, namespace: "Namespace", inbox: "Inbox"
) -> None:
    attack(watcher, 2, 90)
    watcher.edit("s/admin@example.org/second@example.org/")
    attack(watcher, 2, 60)
    assert [mail.recipients for mail in inbox.mails] == [("admin@example.org",), ("second@example.org",)]
    replace(namespace, "threshold: 1", "threshold: 3")
    attack(watcher, 2, 30)
    assert len(inbox.mails) == 2
    attack(watcher, 3, 0)
    assert [mail.recipients for mail in inbox.mails[2:]] == [("second@example.org",)]
