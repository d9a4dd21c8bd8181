"""What is made from the chart, and what the chart is made from, is fresh."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = sorted((ROOT / "deploy/manifests").glob("*.yaml"))
OWN = {"helm.sh/chart", "app.kubernetes.io/managed-by"}


def test_the_manifests_are_fresh(helm: object) -> None:
    del helm  # skips where it does not run
    command = [sys.executable, str(ROOT / "deploy/render.py"), str(ROOT / ".venv/helm/helm4"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_schema_and_the_table_of_values_are_fresh() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "deploy/charts.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_what_is_stale_is_named_and_what_is_written_is_fresh(tmp_path: Path) -> None:
    deploy = shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    table = (
        "import sys, fresh; sys.exit(fresh.write({fresh.ROOT / 'page': 'new'}, 'docs', check=sys.argv[1] == '--check'))"
    )

    def say(word: str) -> tuple[int, str]:
        run = subprocess.run(
            [sys.executable, "-c", table, word], cwd=deploy, capture_output=True, text=True, check=False
        )
        return run.returncode, run.stderr

    assert [say("--check"), say("--write"), say("--check")] == [(1, "page is stale: run make docs\n"), (0, ""), (0, "")]
    assert (tmp_path / "page").read_text() == "new"


def test_there_is_one_for_each_way() -> None:
    assert {file.stem for file in MANIFESTS} == {"cronjob", "cronjob-configmap", "daemonset"}


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: str(file.stem))
def test_a_manifest_goes_to_any_namespace_and_is_not_helms(file: Path) -> None:
    for one in yaml.safe_load_all(file.read_text()):
        assert "namespace" not in one["metadata"]
        assert not OWN & set(one["metadata"]["labels"])


def test_notes_name_every_next_step(helm: Callable[..., Any]) -> None:
    values = {"mode": "cronjob", "nodes": ["node1"], "delivery": "configmap", "networkPolicy": {"enabled": True}}
    run = helm("install", "tftp-monitor", str(ROOT / "deploy/chart"), "--dry-run=client", values=values)
    for said in (
        "NOBODY WOULD BE TOLD",
        "kubectl create configmap tftp-monitor -n default --from-file=build/tocsin.pyz",
        "helm test tftp-monitor",
        "kubectl create job -n default --from=cronjob/tftp-monitor now",
        "pod-security.kubernetes.io/enforce=privileged",
        "enforces such policies",
        "/var/lib/tocsin on each node",
    ):
        assert said in run.stdout


@pytest.mark.parametrize(("variable", "warnings"), [("TZ", 1), ("TOCSIN_EMAIL_TO", 0)])
def test_only_a_recipient_silences_the_warning_that_nobody_would_be_told(
    variable: str, warnings: int, helm: Callable[..., Any]
) -> None:
    values = {"extraEnv": [{"name": variable, "value": "admin@example.org"}]}
    run = helm("install", "tftp-monitor", str(ROOT / "deploy/chart"), "--dry-run=client", values=values)
    assert run.stdout.count("NOBODY WOULD BE TOLD") == warnings


def test_the_installation_that_readme_shows_tells_somebody(helm: Callable[..., Any]) -> None:
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    (words,) = (shlex.split(line) for line in text.splitlines() if line.startswith("    helm install "))
    run = helm(*[word.replace("deploy/chart", str(ROOT / "deploy/chart")) for word in words[1:]], "--dry-run=client")
    assert (run.returncode, "NOBODY WOULD BE TOLD" in run.stdout) == (0, False)
    assert "- admin@example.org" in run.stdout


def test_the_charts_version_is_the_programs() -> None:
    import tocsin

    chart = yaml.safe_load((ROOT / "deploy/chart/Chart.yaml").read_text())
    assert chart["appVersion"] == tocsin.__version__


def test_every_value_has_a_meaning_and_is_in_the_schema() -> None:
    schema = json.loads((ROOT / "deploy/chart/values.schema.json").read_text())
    values = yaml.safe_load((ROOT / "deploy/chart/values.yaml").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}
    assert schema["properties"]["mode"]["description"]
    assert schema["additionalProperties"] is False
