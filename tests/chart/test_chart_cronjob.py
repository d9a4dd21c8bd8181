"""The CronJobs and the DaemonSet: names, labels, and what Kubernetes is told about runs that fail."""

import re
from collections.abc import Callable
from typing import Any

import pytest

Watcher = Callable[..., list[dict[str, Any]]]
ONE: dict[str, Any] = {"mode": "cronjob", "nodes": ["node1"]}
NAME = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
TWO = ONE | {"nodes": ["node1", "node2"]}


@pytest.fixture
def cronjob(watcher: Watcher) -> Any:  # noqa: ANN401 (JSON)
    return watcher(ONE)[0]


def test_one_node_has_the_releases_name(cronjob: Any) -> None:  # noqa: ANN401 (the same)
    assert cronjob["metadata"]["name"] == "tftp-monitor"


def test_several_nodes_have_names_of_their_own_that_stay_when_the_list_changes(watcher: Watcher) -> None:
    names = [one["metadata"]["name"] for one in watcher(TWO)]
    assert len(set(names)) == 2
    assert [one["metadata"]["name"] for one in watcher(ONE | {"nodes": ["node2", "a", "node1"]})][::2] == names[::-1]


@pytest.mark.parametrize("nodes", [["node1"], ["node1", f"{'n' * 60}.{'m' * 60}.example.org"]])
def test_names_leave_room_for_what_jobs_add(nodes: list[str], render: Watcher) -> None:
    made = render(ONE | {"nodes": nodes}, name="r" * 53)
    assert all(len(one["metadata"]["name"]) <= 52 for one in made if one["kind"] == "CronJob")


@pytest.mark.parametrize("nodes", [["node1"], ["node1", "node2"]])
def test_a_name_that_is_cut_at_a_dot_or_a_hyphen_is_still_a_name(nodes: list[str], render: Watcher) -> None:
    for name in (f"{'r' * 51}.x", f"{'r' * 51}-x", f"{'r' * 42}.x"):
        for one in render(ONE | {"nodes": nodes}, name=name):
            assert all(NAME.fullmatch(part) for part in one["metadata"]["name"].split("."))


def test_each_cronjob_is_bound_to_its_node(watcher: Watcher) -> None:
    for one, node in zip(watcher(TWO), TWO["nodes"], strict=True):
        affinity = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
        (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert term == {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        assert one["metadata"]["annotations"] == {"tocsin/node": node}


def test_the_label_app_is_at_all_three_levels(cronjob: Any) -> None:  # noqa: ANN401 (the same)
    job = cronjob["spec"]["jobTemplate"]
    for one in (cronjob, job, job["spec"]["template"]):
        assert one["metadata"]["labels"]["app"] == "tftp-monitor"
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "tocsin"


def test_runs_are_as_the_shell_scripts_were(cronjob: Any) -> None:  # noqa: ANN401 (the same)
    spec = cronjob["spec"]
    job = spec["jobTemplate"]["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("*/1 * * * *", "Etc/UTC", "Forbid")
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (6, 6)
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (2, "Never")
    assert 10 <= spec["startingDeadlineSeconds"] < 60


def test_the_deadline_leaves_three_runs_their_time(cronjob: Any) -> None:  # noqa: ANN401 (the same)
    assert cronjob["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] >= 3 * (30 + 30) + 10 + 20


def test_what_trying_again_cannot_mend_ends_the_job(cronjob: Any) -> None:  # noqa: ANN401 (the same)
    job = cronjob["spec"]["jobTemplate"]["spec"]
    fail, ignore = job["podFailurePolicy"]["rules"]
    assert fail == {
        "action": "FailJob",
        "onExitCodes": {"containerName": "tocsin", "operator": "In", "values": [64, 65, 69, 73, 77, 78]},
    }
    assert ignore == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert job["podReplacementPolicy"] == "Failed"  # no second pod while the first one ends


def test_an_old_cluster_goes_without_the_policy(watcher: Watcher) -> None:
    (old,) = watcher(ONE | {"podFailurePolicy": {"enabled": False}})
    assert not {"podFailurePolicy", "podReplacementPolicy"} & set(old["spec"]["jobTemplate"]["spec"])


def test_two_watchers_never_share_a_node(watcher: Watcher) -> None:
    (daemonset,) = watcher({})
    assert daemonset["spec"]["updateStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": "10%"}


def test_other_settings_renew_the_watchers_and_another_version_of_the_chart_does_not(watcher: Watcher) -> None:
    def template(values: dict[str, Any]) -> Any:  # noqa: ANN401 (the same)
        return watcher(values)[0]["spec"]["template"]

    assert template({}) != template({"settings": {"keep": "3d"}})
    assert "helm.sh/chart" not in template({})["metadata"]["labels"]


def test_a_daemonset_adopts_no_other_pod_of_the_release(render: Watcher) -> None:
    objects = render({})
    (selector,) = (one["spec"]["selector"]["matchLabels"] for one in objects if one["kind"] == "DaemonSet")
    (test,) = (one["metadata"]["labels"] for one in objects if one["kind"] == "Pod")
    assert not selector.items() <= test.items()
    assert test["app"] == "tftp-monitor"


def test_helm_test_sends_a_mail_or_checks_the_settings(render: Watcher) -> None:
    def args(values: dict[str, Any]) -> Any:  # noqa: ANN401 (the same)
        return next(one["spec"]["containers"][0]["args"] for one in render(values) if one["kind"] == "Pod")

    assert args({}) == ["preview", "--send"]
    assert args({"test": {"send": False}}) == ["config"]


def test_helm_test_is_a_hook_on_a_node_that_is_watched_and_goes_when_it_succeeds(render: Watcher) -> None:
    (pod,) = (one for one in render(TWO) if one["kind"] == "Pod")
    hooks = {key: text for key, text in pod["metadata"]["annotations"].items() if key.startswith("helm.sh/")}
    assert hooks == {"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
    assert "'node1'" in str(pod["spec"]["affinity"])


def test_what_is_given_for_the_jobs_is_in_them(watcher: Watcher) -> None:
    given = {"schedule": "@hourly", "timeZone": "Europe/Vienna", "startingDeadlineSeconds": 99}
    kept = {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 4}
    limits = {"backoffLimit": 5, "activeDeadlineSeconds": 600, "ttlSecondsAfterFinished": 7}
    (made,) = watcher(ONE | given | kept | limits)
    assert (given | kept).items() <= made["spec"].items()
    assert limits.items() <= made["spec"]["jobTemplate"]["spec"].items()


def test_other_names_are_in_every_object(render: Watcher) -> None:
    for one in render(ONE | {"nameOverride": "guard", "fullnameOverride": "other"}):
        assert one["metadata"]["labels"]["app"] == "guard"
        assert one["metadata"]["name"].startswith("other")
        assert one["metadata"]["namespace"] == "watch"
