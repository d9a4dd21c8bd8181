"""The commands that are compared: tocsin as a user has it, and its peers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure import Command

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "bench"
VENV = BUILD / "venv"
TOCSIN = str(VENV / "bin" / "tocsin")


def install() -> None:
    """tocsin into an environment of its own: a wheel, with bytecode, on Debian's Python."""
    python = next((path for path in ("/usr/bin/python3.11", "/usr/bin/python3") if os.path.exists(path)), "")
    if not python:
        python = sys.executable
        print(f"no Python of Debian's: {python} is measured", file=sys.stderr)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    shutil.rmtree(VENV, ignore_errors=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    locked = [f"--requirement={ROOT / 'requirements' / name}" for name in ("runtime.txt", "build.txt")]
    subprocess.run([python, "-m", "venv", str(VENV)], check=True, env=environment)
    subprocess.run([*pip, "--require-hashes", *locked], check=True, env=environment)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True, env=environment)


def needs(program: str) -> bool:
    """Is it there? Says so if not: what needs it is left out."""
    if shutil.which(program):
        return True
    print(f"LEFT OUT: {program} is not installed", flush=True)
    return False


def scan(file: Path, *words: str) -> Command:
    return Command([TOCSIN, "scan", *words, str(file)])


def check(settings: Path) -> Command:
    return Command([TOCSIN, "check", "--config", str(settings)])


def grep(file: Path) -> Command:
    return Command(["grep", "-c", "-F", "IPTables-TFTP-Rejected: ", str(file)])


def pipeline(file: Path) -> Command:
    """With GNU's tools, and gawk by name: awk may be mawk."""
    return Command(["sh", str(HERE / "pipeline.sh"), str(file)], {"AWK": "gawk"})


def busybox_pipeline(file: Path) -> Command:
    """The same, and nothing but BusyBox, the shell and awk included."""
    return Command(["sh", str(HERE / "pipeline.sh"), str(file)], {"AWK": "awk", "PATH": str(applets())})


def script(log: Path, monitor: Path) -> Command:
    """The whole shell script, and nothing but BusyBox."""
    return Command(["sh", str(HERE / "seed.sh")], {"PATH": str(applets()), "LOG": str(log), "MONITOR": str(monitor)})


def fail2ban(file: Path) -> Command:
    return Command(["fail2ban-regex", "-o", "ip", str(file), str(HERE / "filter.conf")])


def wc(file: Path) -> Command:
    return Command(["wc", "-l", str(file)])


def applets() -> Path:
    """A folder in which every tool is BusyBox's."""
    folder = BUILD / "applets"
    folder.mkdir(parents=True, exist_ok=True)
    box = shutil.which("busybox") or ""
    for name in subprocess.run([box, "--list"], check=True, capture_output=True, text=True).stdout.split():
        if not (folder / name).exists():
            (folder / name).symlink_to(box)
    return folder
