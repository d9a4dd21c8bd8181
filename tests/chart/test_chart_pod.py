"""What runs on a node: with which rights, on which folders, with which words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pod = Callable[[dict[str, Any]], Any]
CRONJOB: dict[str, Any] = {"mode": "cronjob", "nodes": ["node1"]}
FULL = {"monitorLog": {"hostPath": "/var/log/mon_logs"}, "existingSecret": "mail-account"}
MOUNT = {"name": "more", "mountPath": "/more"}
GIVEN: dict[str, Any] = CRONJOB | {
    "image": {"pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "priorityClassName": "system-node-critical",
    "affinity": {"podAffinity": {}},
    "extraEnv": [{"name": "TZ", "value": "Etc/UTC"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [MOUNT],
    "securityContext": {"procMount": "Default"},
}


def mounts(spec: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    """Of the container `tocsin`: path inside -> the volume, with how it is mounted."""
    volumes = {one["name"]: one for one in spec["volumes"]}
    return {one["mountPath"]: volumes[one["name"]] | one for one in spec["containers"][0]["volumeMounts"]}


@pytest.mark.parametrize(("values", "verb"), [({}, "watch"), (CRONJOB, "check")])
def test_the_daemonset_watches_and_the_cronjob_checks(values: dict[str, Any], verb: str, pod: Pod) -> None:
    (container,) = pod(values)["containers"]
    assert (container["name"], container.get("command"), container["args"]) == ("tocsin", None, [verb])
    assert container["image"] == "localhost/tocsin:dev"


@pytest.mark.parametrize(("values", "verb"), [({}, "watch"), (CRONJOB, "check")])
def test_code_from_a_configmap_runs_on_stock_python(values: dict[str, Any], verb: str, pod: Pod) -> None:
    spec = pod(values | {"delivery": "configmap"})
    (container,) = spec["containers"]
    assert container["command"] + container["args"] == ["python3", "-I", "/mon_scripts/tocsin.pyz", verb]
    assert container["image"] == "docker.io/library/python:3.11-slim"
    assert mounts(spec)["/mon_scripts"]["configMap"] == {"name": "tftp-monitor"}


def test_the_configmap_of_the_code_can_have_another_name(pod: Pod) -> None:
    spec = pod({"delivery": "configmap", "code": {"configMap": "code"}})
    assert mounts(spec)["/mon_scripts"]["configMap"] == {"name": "code"}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ({"repository": "r.example.org/t", "tag": "1"}, "r.example.org/t:1"),
        ({"repository": "r.example.org/t", "digest": "sha256:" + "0" * 64}, "r.example.org/t@sha256:" + "0" * 64),
        ({"tag": "1", "digest": "sha256:" + "0" * 64}, "localhost/tocsin:1@sha256:" + "0" * 64),
    ],
)
def test_the_image_is_named_by_tag_and_digest(image: dict[str, str], name: str, pod: Pod) -> None:
    spec = pod({"image": image})
    assert {one["image"] for one in spec["containers"] + spec["initContainers"]} == {name}


@pytest.mark.parametrize(("profile", "user"), [("nonroot", 65532), ("root-nocaps", 0)])
def test_each_profile_has_no_right_but_its_user_and_groups(profile: str, user: int, pod: Pod) -> None:
    spec = pod({"profile": profile, "supplementalGroups": [4, 190]})
    assert spec["securityContext"] == {
        "runAsNonRoot": user != 0, "runAsUser": user, "runAsGroup": user, "supplementalGroups": [4, 190],
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
    }  # fmt: skip
    assert spec["automountServiceAccountToken"] is False


def test_the_operator_can_lay_his_own_over_the_profile(pod: Pod) -> None:
    own = {"runAsUser": 1000650000, "seLinuxOptions": {"type": "spc_t"}}
    spec = pod({"podSecurityContext": own, "securityContext": {"readOnlyRootFilesystem": False}})
    assert own.items() <= spec["securityContext"].items()
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["initContainers"][0]["command"][-3:] == ["1000650000", "65532", "/var/lib/tocsin"]


@pytest.mark.parametrize("profile", ["nonroot", "root-nocaps"])
def test_the_init_container_has_chown_alone_and_sees_no_log(profile: str, pod: Pod) -> None:
    (first,) = pod({"profile": profile})["initContainers"]
    context = first["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
    assert (context["runAsUser"], context["allowPrivilegeEscalation"]) == (0, False)
    assert [one["mountPath"] for one in first["volumeMounts"]] == ["/var/lib/tocsin"]


def test_folders_are_the_nodes_and_only_what_is_written_can_be_written(pod: Pod) -> None:
    found = mounts(pod(FULL))
    assert found["/host_logs"]["hostPath"] == {"path": "/var/log", "type": "Directory"}
    assert found["/host_logs/mon_logs"]["hostPath"] == {"path": "/var/log/mon_logs", "type": "DirectoryOrCreate"}
    assert found["/var/lib/tocsin"]["hostPath"] == {"path": "/var/lib/tocsin", "type": "DirectoryOrCreate"}
    assert found["/secrets"]["secret"] == {"secretName": "mail-account"}
    assert found["/etc/tocsin"]["configMap"] == {"name": "tftp-monitor-settings"}
    assert not any("subPath" in one for one in found.values())
    writable = {path for path, one in found.items() if not one.get("readOnly")}
    assert writable == {"/host_logs/mon_logs", "/var/lib/tocsin", "/tmp"}  # noqa: S108 (a memory of the pod's own)


def test_the_nodes_zone_is_mounted_where_it_hides_no_other_zone(pod: Pod) -> None:
    found = mounts(pod({}))
    assert found["/host_localtime"]["hostPath"] == {"path": "/etc/localtime", "type": "File"}
    assert "/host_localtime" not in mounts(pod({"logs": {"timezone": "Europe/Vienna"}}))


def test_the_pod_knows_its_node(pod: Pod) -> None:
    env = {one["name"]: one for one in pod({})["containers"][0]["env"]}
    assert env["NODE_NAME"]["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert env["NODE_IP"]["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
    assert env["TOCSIN_CONFIG"]["value"] == "/etc/tocsin/tocsin.yaml"


def test_every_node_with_linux_has_a_pod_whatever_its_taints(pod: Pod) -> None:
    spec = pod({})
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert "affinity" not in spec


def test_resources_are_the_measured_ones(pod: Pod) -> None:
    for one in (pod({})["containers"] + pod({})["initContainers"])[:2]:
        assert one["resources"] == {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "96Mi"}}


def test_a_silent_name_server_does_not_eat_up_the_time_of_the_mail(pod: Pod) -> None:
    options = {one["name"]: int(one["value"]) for one in pod({})["dnsConfig"]["options"]}
    assert options["timeout"] * options["attempts"] <= 5


def test_the_init_container_hands_over_the_folders_and_nothing_in_them(pod: Pod, tmp_path: Path) -> None:
    import os
    import subprocess

    command = pod({})["initContainers"][0]["command"]
    (tmp_path / "state.db").touch()
    mine = os.getuid()
    words = [*command[:4], str(mine), str(os.getgid()), str(tmp_path), str(tmp_path / "gone")]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert run.stderr.startswith(f"{tmp_path}/gone: cannot be handed over: No such file")
    if mine == 0:
        subprocess.run([*command[:4], "65532", "65532", str(tmp_path)], check=True)
        assert (tmp_path.stat().st_uid, (tmp_path / "state.db").stat().st_uid) == (65532, 0)


def test_what_kubernetes_takes_of_the_operator_is_in_the_pod(pod: Pod) -> None:
    spec, (container,) = pod(GIVEN), pod(GIVEN)["containers"]
    assert spec["imagePullSecrets"] == GIVEN["imagePullSecrets"]
    assert (spec["priorityClassName"], spec["affinity"]["podAffinity"]) == ("system-node-critical", {})
    assert container["env"][-1] == GIVEN["extraEnv"][0]
    assert (spec["volumes"][-1], container["volumeMounts"][-1]) == (GIVEN["extraVolumes"][0], MOUNT)
    assert container["securityContext"]["procMount"] == "Default"
    assert {one["imagePullPolicy"] for one in (container, *spec["initContainers"])} == {"Always"}


@pytest.mark.parametrize("name", ["affinity", "dnsConfig", "podSecurityContext", "resources", "securityContext"])
def test_what_is_taken_away_is_as_if_it_were_empty(name: str, pod: Pod) -> None:
    assert pod(CRONJOB | {name: None})["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_services_of_the_namespace_lend_no_variables_and_a_mail_on_its_way_has_time(pod: Pod) -> None:
    assert (pod({})["enableServiceLinks"], pod({})["terminationGracePeriodSeconds"]) == (False, 60)


def test_labels_and_annotations_of_the_operator_are_on_every_pod(watcher: Callable[..., Any]) -> None:
    labels = {"commonLabels": {"team": "network"}, "podLabels": {"shift": "night"}, "podAnnotations": {"a": "b"}}
    for values in ({}, CRONJOB):
        (one,) = watcher(values | labels)
        job = one["spec"].get("jobTemplate", one)
        metadata = job["spec"]["template"]["metadata"]
        assert {"team": "network"}.items() <= one["metadata"]["labels"].items() & job["metadata"]["labels"].items()
        assert {"team": "network", "shift": "night"}.items() <= metadata["labels"].items()
        assert metadata["annotations"]["a"] == "b"
