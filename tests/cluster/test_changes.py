"""What an operator does to a cluster while an attack goes on: nothing is lost, and nothing is told twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import NAME, daemonset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster, Eventually
    from tests.cluster.namespace import Namespace
    from tests.cluster.release import Release


POD = ("get", "pods", "--selector=app=tftp-monitor", "--output=jsonpath={.items[*].metadata.name}")


def events(namespace: "Namespace", name: str = NAME) -> list[int]:
    """How many packets tocsin counted, of each attack that it knows."""
    status = namespace.kubectl("exec", f"daemonset/{name}", "--", "tocsin", "status", "--json")
    return [alert["events"] for alert in json.loads(status)["alerts"]]


@pytest.fixture
def watching(release: "Release") -> "Release":
    """A daemonset that watches node2; its pod can be told from those of other tests."""
    release.install(**daemonset("node2"), podLabels={"test": release.namespace.name})
    release.rolled_out()
    return release


@pytest.mark.xdist_group("node2")
def test_a_rolling_update_during_an_attack_loses_nothing_and_says_nothing_twice(
    watching: "Release", eventually: "Eventually"
) -> None:
    namespace, folders, inbox = watching.namespace, watching.folders, watching.inbox
    before = namespace.kubectl(*POD)
    with ThreadPoolExecutor(1) as attacker:
        attack = attacker.submit(folders.reject, "node2", 100, pause=0.2)
        eventually(lambda: inbox.mails)
        watching.install(**daemonset("node2"), podAnnotations={"renewed": "yes"})
        watching.rolled_out()
        attack.result()
    assert eventually(lambda: events(namespace) == [100])
    assert namespace.kubectl(*POD) != before
    assert [mail.message["X-Tocsin-Reason"] for mail in inbox.mails] == ["first"]


@pytest.mark.xdist_group("node2")
def test_draining_a_node_during_an_attack_loses_nothing_and_says_nothing_twice(
    cluster: "Cluster", watching: "Release", eventually: "Eventually"
) -> None:
    namespace, folders, inbox = watching.namespace, watching.folders, watching.inbox
    before = namespace.kubectl(*POD)
    with ThreadPoolExecutor(1) as attacker:
        attack = attacker.submit(folders.reject, "node2", 100, pause=0.2)
        eventually(lambda: inbox.mails)
        with drained(cluster, "node2", f"test={namespace.name}"):
            namespace.kubectl("delete", "pod", before)
            watching.rolled_out()
        attack.result()
    assert eventually(lambda: events(namespace) == [100])
    assert namespace.kubectl(*POD) != before
    assert [mail.message["X-Tocsin-Reason"] for mail in inbox.mails] == ["first"]


@contextmanager
def drained(cluster: "Cluster", node: str, pods: str) -> "Iterator[None]":
    """Without these pods, and closed to new ones; a daemonset's stay, and come even so."""
    try:
        cluster.kubectl("drain", node, "--ignore-daemonsets", f"--pod-selector={pods}")
        assert cluster.get("node", node)["spec"]["unschedulable"]
        yield
        assert cluster.get("node", node)["spec"]["unschedulable"]
    finally:
        cluster.kubectl("uncordon", node)


@pytest.mark.xdist_group("node2")
def test_a_second_watch_on_the_same_state_waits_for_the_first_and_says_so_once(
    watching: "Release", eventually: "Eventually"
) -> None:
    namespace, folders, inbox = watching.namespace, watching.folders, watching.inbox
    watching.install(name="second", **daemonset("node2"))
    said = ("logs", "daemonset/second")
    eventually(lambda: "waiting: " in namespace.kubectl(*said))
    folders.reject("node2", 10)
    eventually(lambda: inbox.mails)
    assert [line.split()[1] for line in namespace.kubectl(*said).splitlines()] == ["started:", "waiting:"]
    namespace.helm("uninstall", NAME)
    folders.reject("node2", 10)
    assert eventually(lambda: events(namespace, "second") == [20])
    assert [mail.message["X-Tocsin-Reason"] for mail in inbox.mails] == ["first"]
