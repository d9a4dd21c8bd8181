"""The templates are found wherever the package lies."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import tocsin

SHOW = """
import tocsin
from datetime import UTC, datetime
from tocsin.model import Notification
from tocsin.receivers import render
n = Notification("f" * 32, "", "heartbeat", datetime(2026, 11, 23, tzinfo=UTC), "node1", "")
print(tocsin.__file__, render.text(n), render.html(n))
"""


def test_the_templates_are_found_in_a_zipapp(tmp_path: Path) -> None:
    package = Path(tocsin.__file__).parent
    archive = tmp_path / "tocsin.pyz"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in package.rglob("*.*"):
            packed.write(file, Path("tocsin") / file.relative_to(package))
    path = f"import sys; sys.path[:0] = [{str(archive)!r}, {sysconfig.get_path('purelib')!r}]\n"
    command = [sys.executable, "-I", "-S", "-c", path + SHOW]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.startswith(f"{archive}/tocsin/__init__.py Nothing to read on node1\n")
    assert "</html>" in shown
