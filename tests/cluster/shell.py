"""A shell whose kubectl is in the test's namespace, and what operators type there."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.namespace import Namespace

Shell = Callable[[str], str]
MAKE = "kubectl create configmap tftp-monitor --from-file=tocsin.pyz"
EDIT = "kubectl edit configmaps tftp-monitor-settings"
RUN = (
    "kubectl create job --from=cronjob/tftp-monitor {0} && kubectl wait --for=condition=Complete job/{0} --timeout=90s"
)


@pytest.fixture
def shell(namespace: "Namespace", tmp_path: Path, pyz: Path) -> Shell:
    """Runs commands as an operator types them: in a folder with tocsin.pyz, in the test's namespace."""
    here = tmp_path / "operator"
    here.mkdir()
    shutil.copy(pyz, here / "tocsin.pyz")
    shutil.copy(os.environ["KUBECONFIG"], here / "kubeconfig")
    there = {**os.environ, "KUBECONFIG": str(here / "kubeconfig")}
    place = ["kubectl", "config", "set-context", "--current", f"--namespace={namespace.name}"]
    subprocess.run(place, env=there, check=True, capture_output=True)

    def run(text: str) -> str:
        command = ["bash", "-e", "-o", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=here, env=there, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return done.stdout

    return run
