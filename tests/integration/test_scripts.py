"""The shell scripts of this repository."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "deploy", "tests")
SHELLS = (b"#!/bin/sh", b"#!/bin/bash", b"# shellcheck shell=")


def scripts() -> list[Path]:
    files = (file for folder in FOLDERS for file in sorted(ROOT.joinpath(folder).rglob("*")) if file.is_file())
    return [file for file in files if file.read_bytes().startswith(SHELLS)]


def test_shellcheck_has_nothing_to_say_of_any_script() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck")
    found = scripts()
    assert ROOT / "tests/packages" in found
    said = subprocess.run(["shellcheck", "-x", *found], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (said.stdout + said.stderr, said.returncode) == ("", 0)
