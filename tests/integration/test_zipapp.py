"""tocsin.pyz: the same bytes from the same wheels, small enough for a ConfigMap, and the whole program."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

if TYPE_CHECKING:
    from tests.integration.machine import Machine

DEPLOY = Path(__file__).parents[2] / "deploy"
ROOM = 1_048_576  # what a ConfigMap takes, keys and all
PYTHON = os.path.join(sys.base_prefix, f"bin/python3.{sys.version_info[1]}")  # one without our libraries
LOADED = """
import atexit, sys
sys.path.insert(0, sys.argv.pop(1))
atexit.register(lambda: print(*(getattr(m, "__file__", None) for m in list(sys.modules.values())), file=sys.stderr))
from tocsin.cli import main
main()
"""


def build(wheels: Path, out: Path, umask: int = 0o022, deploy: Path = DEPLOY) -> bytes:
    subprocess.run([sys.executable, deploy / "pyz.py", wheels, out], check=True, cwd=out.parent, umask=umask)
    return out.read_bytes()


@pytest.fixture(scope="module")
def pyz(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The zipapp where a ConfigMap would be: nobody may write there."""
    folder = tmp_path_factory.mktemp("mon_scripts")
    build(wheels, folder / "tocsin.pyz")
    folder.chmod(0o555)
    mounts = os.geteuid() == 0  # whom the rights of a folder do not stop
    if mounts:
        subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], check=True)
    yield folder / "tocsin.pyz"
    if mounts:
        subprocess.run(["umount", folder], check=True)
    folder.chmod(0o755)


@pytest.fixture
def pod(pyz: Path, machine: "Machine") -> "Machine":
    """A machine whose tocsin is the zipapp on a stock Python."""
    machine.program = (PYTHON, "-I", str(pyz))
    return machine


def test_the_same_wheels_give_the_same_bytes_whoever_builds_when_and_where(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    first = build(wheels, tmp_path / "one.pyz")
    again = shutil.copytree(wheels, tmp_path / "click/wheels")
    for wheel in again.iterdir():
        os.utime(wheel, (1_000_000_000, 1_000_000_000))
    deploy = shutil.copytree(DEPLOY, tmp_path / "tocsin/h/deploy")
    assert build(again, tmp_path / "h/two.pyz", 0o077, deploy) == first


def test_a_config_map_has_room_for_it(pyz: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = pyz.stat().st_size
    with capsys.disabled():
        sys.stdout.write(f"\ntocsin.pyz: {size:,} bytes, {ROOM - size:,} left in a ConfigMap\n")
    assert size < ROOM


def test_it_holds_no_compiled_library_and_every_licence_in_order(pyz: Path) -> None:
    with ZipFile(pyz) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {Path(name).suffix for name in names} == {".py", ".pyc", ".txt", "", ".log", ".sql", ".j2"}
    assert len([name for name in names if "/licenses/LICENSE" in name]) == 7


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("check", "attack: none"),
        ("config", "receivers[0].email.to"),
        ("config --schema", '"title": "Settings of tocsin"'),
        ("demo", "sent: first to admin@example.org"),
        ("preview", "rejected on node1"),
        ("preview --format html", "</html>"),
        ("status", "waiting to be told"),
        ("scan {log}", ""),
        ("explain {log}", ""),
        ("check --help", "Reads what the logs gained"),
        ("--help", "Rings once"),
        ("--version", "tocsin, version"),
    ],
)
def test_every_verb_runs_from_it(pod: "Machine", words: str, expected: str) -> None:
    pod.write("192.0.2.7", log=pod.folder / "other")
    run = pod.run(*words.format(log=pod.folder / "other").split())
    assert (run.returncode, run.stderr) == (0, "")
    assert expected in run.stdout


def test_a_wrong_setting_has_its_line(pod: "Machine") -> None:
    file = pod.settle(rules="\n  - name: tftp\n    prefix: 'x: '\n    treshold: 2")
    run = pod.run("check")
    wrong = f"{file}:7: rules[0].treshold: unknown key; hint: did you mean threshold?\n"
    assert (run.returncode, run.stderr) == (78, wrong)


def test_a_quiet_tick_compiles_nothing(pod: "Machine", pyz: Path) -> None:
    pod.run("check")
    pod.program = (PYTHON, "-I", "-c", LOADED, str(pyz))
    ours = [Path(file) for file in pod.run("check").stderr.split() if file.startswith(f"{pyz}/")]
    assert pyz / "yaml/__init__.pyc" in ours
    assert [file.name for file in ours if file.suffix != ".pyc"] == []
