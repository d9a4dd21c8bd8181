"""The fixtures of this folder: each lives beside its noun."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.integration.machine import disk, machine, mailing, pod, root
from tests.integration.mail import authority, mail_server, password_file, script

__all__ = ["authority", "disk", "machine", "mail_server", "mailing", "password_file", "pod", "root", "script"]


@pytest.fixture(scope="session")
def wheels() -> Path:
    """The folder of wheels that the image and the zipapp are made from, as fresh as the sources."""
    variables = {name: text for name, text in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    top = Path(__file__).parents[2]
    made = subprocess.run(["make", "-s", "build/wheels"], cwd=top, env=variables, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"needs the locked wheels: {made.stderr.decode()[-300:]}")
    return top / "build/wheels"
