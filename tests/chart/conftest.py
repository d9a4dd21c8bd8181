"""The chart as Helm renders it, with every set of values that the tests look at."""

import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/chart"
NEWEST = "1.37"

Values = dict[str, Any]
Objects = list[dict[str, Any]]
Helm = Callable[..., "subprocess.CompletedProcess[str]"]
Render = Callable[..., Objects]

MAIL = {"settings": {"receivers": [{"email": {"server": "mail.example.org:587", "to": ["admin@example.org"]}}]}}
MORE = {"name": "{{ .Release.Name }}-more", "namespace": "{{ .Release.Namespace }}"}
FULL: Values = {
    "settings": {
        "log": {"format": "json"},
        "sources": [{"file": {"path": "/host_logs/messages"}}, {"file": {"path": "/host_logs/b", "timezone": "UTC"}}],
        "rules": [{"name": "tftp", "prefix": ["IPTables-TFTP-Rejected: ", "[UFW BLOCK] "], "port": 69}],
        "receivers": [{"email": {"server": ["192.0.2.25:2525", "[2001:db8::1]:465"], "to": ["admin@example.org"]}}],
        "keep": "30d",
    },
    "existingSecret": "mail-account",
    "logs": {"timezone": "Europe/Vienna"},
    "monitorLog": {"hostPath": "/var/log/mon_logs"},
    "networkPolicy": {"enabled": True},
    "podFailurePolicy": {"enabled": False},
    "serviceAccount": {"create": False},
    "imagePullSecrets": [{"name": "registry"}],
    "priorityClassName": "system-node-critical",
    "podSecurityContext": {"seLinuxOptions": {"type": "spc_t"}},
    "commonLabels": {"team": "network"},
    "podLabels": {"shift": "night"},
    "podAnnotations": {"note": "watches"},
    "affinity": {"podAffinity": {}},
    "extraEnv": [{"name": "TZ", "value": "Etc/UTC"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": MORE}],
}
MODES: dict[str, Values] = {
    "daemonset": {},
    "one node": {"mode": "cronjob", "nodes": ["node1"]},
    "nodes": {"mode": "cronjob", "nodes": ["node1", "node2.example.org"]},
}
DELIVERIES: dict[str, Values] = {"image": {}, "configmap": {"delivery": "configmap"}}
PROFILES: dict[str, Values] = {"nonroot": {}, "root": {"profile": "root-nocaps"}}
AMOUNTS: dict[str, Values] = {"few": MAIL | {"secrets": {"password": "s3cret"}}, "many": FULL}
AXES = (MODES, DELIVERIES, PROFILES, AMOUNTS)
SETS: dict[str, Values] = {
    ", ".join(names): {key: one for axis, name in zip(AXES, names, strict=True) for key, one in axis[name].items()}
    for names in itertools.product(*AXES)
}


@pytest.fixture(params=SETS)
def values(request: pytest.FixtureRequest) -> Values:
    return SETS[request.param]


@pytest.fixture(scope="session", params=["helm3", "helm4"])
def each_helm(request: pytest.FixtureRequest) -> Helm:
    return _helm(request.param)


@pytest.fixture(scope="session")
def helm() -> Helm:
    return _helm("helm4")


@pytest.fixture(scope="session")
def helm3() -> Helm:
    return _helm("helm3")


def _helm(name: str) -> Helm:
    """Helm with these words, `values` given on its standard input where it reads them."""
    program = ROOT / ".venv/helm" / name
    try:
        subprocess.run([program, "version"], check=True, capture_output=True)
    except OSError as error:
        pytest.skip(f"{name} does not run here: {error.strerror}")

    def run(*words: str, values: Values | None = None) -> "subprocess.CompletedProcess[str]":
        given = ["--values", "-"] if values is not None else []
        return subprocess.run(
            [program, *words, *given], input=json.dumps(values or {}), capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """The objects of the chart for these values."""

    def objects(
        values: Values, version: str = NEWEST, name: str = "tftp-monitor", namespace: str = "watch", by: Helm = helm
    ) -> Objects:
        run = by("template", name, str(CHART), "--namespace", namespace, "--kube-version", version, values=values)
        assert run.returncode == 0, run.stderr
        return [one for one in yaml.safe_load_all(run.stdout) if one]

    return objects


@pytest.fixture(scope="session")
def every(render: Render) -> dict[str, Objects]:
    """The objects of every set of values."""
    return {name: render(one) for name, one in SETS.items()}


@pytest.fixture
def watcher(render: Render) -> Callable[[Values], Objects]:
    """What runs tocsin for these values: the DaemonSet, or the CronJobs."""

    def kept(values: Values) -> Objects:
        return [one for one in render(values) if one["kind"] in {"DaemonSet", "CronJob"}]

    return kept


@pytest.fixture
def pod(watcher: Callable[[Values], Objects]) -> Callable[[Values], Any]:
    """The spec of the pod for these values."""

    def spec(values: Values) -> Any:  # noqa: ANN401 (JSON)
        top = watcher(values)[0]["spec"]
        return top.get("jobTemplate", {"spec": top})["spec"]["template"]["spec"]

    return spec
