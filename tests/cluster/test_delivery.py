"""delivery: configmap: the code is what the ConfigMap holds."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.release import on_stock_python
from tests.cluster.shell import MAKE, RUN

if TYPE_CHECKING:
    from tests.cluster.release import Release
    from tests.cluster.shell import Shell

REPLACE = "kubectl create configmap tftp-monitor --from-file=tocsin.pyz -o yaml --dry-run=client|kubectl replace -f -"


def renumbered(pyz: Path, version: str) -> None:
    """The zipapp as the next version of tocsin would be, in its place."""
    with zipfile.ZipFile(pyz) as old:
        files = {name: old.read(name) for name in old.namelist() if name != "tocsin/__init__.pyc"}
    files["tocsin/__init__.py"] = f'__version__ = "{version}"\n'.encode()
    with zipfile.ZipFile(pyz, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for name, content in files.items():
            new.writestr(name, content)


def test_the_run_after_a_replacement_is_the_new_version_on_the_same_image(
    release: "Release", shell: "Shell", tmp_path: Path
) -> None:
    assert f"    {REPLACE}\n" in Path("README.md").read_text()
    shell(MAKE)
    release.install(**on_stock_python(release.cluster, "node1"))
    shell(RUN.format("before"))
    renumbered(tmp_path / "operator" / "tocsin.pyz", "7.0.0")
    assert shell(REPLACE) == "configmap/tftp-monitor replaced\n"
    shell(RUN.format("after"))
    assert "started: tocsin 7.0.0 check on node1" in shell("kubectl logs job/after")
    assert "started: tocsin 7.0.0 " not in shell("kubectl logs job/before")
    statuses = [status for pod in release.namespace.get("pods") for status in pod["status"]["containerStatuses"]]
    assert len(statuses) == 2
    assert len({status["imageID"] for status in statuses}) == 1
