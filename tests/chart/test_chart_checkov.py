"""checkov finds nothing in any set of values but what is listed here, each with its reason."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REASONS = {
    "CKV_K8S_8": "watch has nothing to ask over HTTP, and an exec probe would start a Python each time",
    "CKV_K8S_9": "the same",
    "CKV_K8S_11": "without a limit of CPU a backlog is read at full speed",
    "CKV_K8S_15": "an image server's outage must not stop the guard",
    "CKV_K8S_21": "deploy/manifests goes to the namespace that kubectl is told",
    "CKV_K8S_23": "root-nocaps: uid 0 without any capability, for logs that are root:root 0600",
    "CKV_K8S_25": "the init container hands the state folder over: CHOWN, and nothing else",
    "CKV_K8S_40": "root-nocaps again",
    "CKV_K8S_43": "image.digest is the operator's to give",
}


@pytest.fixture(scope="session")
def found(every: dict[str, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """The checks that failed, with the name of the set or manifest."""
    root = Path(__file__).resolve().parents[2]
    program = root / ".venv/checkov/bin/checkov"
    if not program.exists():
        pytest.skip("checkov is not there: make .venv/charts")
    folder = tmp_path_factory.mktemp("rendered")
    for name, objects in every.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
    for manifest in (root / "deploy/manifests").glob("*.yaml"):
        (folder / manifest.name).write_text(manifest.read_text())
    command: list[str | Path] = [
        program,
        "--skip-download",
        "--framework",
        "kubernetes",
        "--compact",
        "-o",
        "json",
        "-d",
        folder,
    ]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert report["summary"]["passed"] > 2000
    assert report["summary"]["parsing_errors"] == 0
    return {(one["check_id"], one["file_path"].strip("/")) for one in report["results"]["failed_checks"]}


def test_only_what_is_listed_fails(found: set[tuple[str, str]]) -> None:
    assert {one for one in found if one[0] not in REASONS} == set()


def test_nothing_is_listed_that_does_not_fail(found: set[tuple[str, str]]) -> None:
    assert set(REASONS) - {check for check, _ in found} == set()


def test_only_root_nocaps_runs_as_root_and_only_manifests_name_no_namespace(found: set[tuple[str, str]]) -> None:
    assert all("nonroot" not in name for check, name in found if check in {"CKV_K8S_23", "CKV_K8S_40"})
    assert all("," not in name for check, name in found if check == "CKV_K8S_21")
