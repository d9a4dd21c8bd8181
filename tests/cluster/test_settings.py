"""Settings that are edited in the cluster hold from the next run on."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster import now
from tests.cluster.folders import rejected
from tests.cluster.release import JSON, Release, cronjob
from tests.cluster.shell import EDIT

if TYPE_CHECKING:
    from tests.cluster.namespace import Namespace
    from tests.cluster.shell import Shell


NODE = "node1"
RULE = {"name": "tftp", "prefix": "IPTables-TFTP-Rejected: ", "threshold": 1}


@pytest.fixture
def watching(release: Release) -> Release:
    """A cronjob whose first run read an empty log."""
    release.install({**JSON, "rules": [RULE]}, **cronjob(NODE))
    assert release.run().statuses == [0]
    return release


def replace(namespace: "Namespace", old: str, new: str) -> None:
    """As the seed's pipe into `kubectl replace` does."""
    found = namespace.get("configmap", "tftp-monitor-settings")
    assert old in found["data"]["tocsin.yaml"]
    found["data"]["tocsin.yaml"] = found["data"]["tocsin.yaml"].replace(old, new)
    namespace.kubectl("replace", "--filename=-", stdin=json.dumps(found))


def attack(release: Release, packets: int, minutes: int) -> None:
    """An attack of so many packets so long ago, by the next run."""
    release.folders.write(NODE, rejected(NODE, packets, now() - timedelta(minutes=minutes)))
    assert release.run().statuses == [0]


def test_a_recipient_and_a_threshold_that_are_edited_hold_from_the_next_run_on(
    watching: Release, shell: "Shell"
) -> None:
    inbox = watching.inbox
    attack(watching, 2, 90)
    shell(f"EDITOR='sed -i s/admin@example.org/second@example.org/' {EDIT}")
    attack(watching, 2, 60)
    assert [mail.recipients for mail in inbox.mails] == [("admin@example.org",), ("second@example.org",)]
    replace(watching.namespace, "threshold: 1", "threshold: 3")
    attack(watching, 2, 30)
    assert len(inbox.mails) == 2
    attack(watching, 3, 0)
    assert [mail.recipients for mail in inbox.mails[2:]] == [("second@example.org",)]
