"""pyz.py WHEELS OUT: the wheels of a folder as one zipapp of pure Python; the same wheels give the same bytes."""

import marshal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

LEFT_OUT = ("_yaml/", "yaml/cyaml.py", "click/_winconsole.py", "click/testing.py")  # libyaml cannot be in a zip
MAIN = b"from tocsin.cli import main\n\nmain()\n"


def main() -> None:
    if sys.version_info[:2] != (3, 11):  # the stock image's, and the one whose bytecode goes in
        sys.exit("tocsin.pyz is made by Python 3.11; hint: make pyz PYTHON=python3.11")
    files = {"__main__.py": MAIN}
    for wheel in Path(sys.argv[1]).glob("*.whl"):
        if not wheel.name.startswith("pip-"):
            files.update(pure(wheel))
    write(files | compiled(files), Path(sys.argv[2]))


def pure(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """A wheel's modules, its licences, and tocsin's templates, SQL and log."""
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            licence = ".dist-info/licenses/" in name
            wanted = PurePosixPath(name).suffix == ".py" or licence or name.startswith("tocsin/")
            if wanted and not name.startswith(LEFT_OUT) and not name.endswith("/"):
                yield name, packed.read(name)


def compiled(files: dict[str, bytes]) -> dict[str, bytes]:
    """The bytecode of what each tick imports, to lie beside its source: another Python takes the source."""
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.pyz"
        write(files, plain)
        # without columns in tracebacks, which take a sixth of the room; lines stay
        script = Path(__file__).with_name("bytecode.py")
        command: list[str | Path] = [sys.executable, "-ISX", "no_debug_ranges", script, plain]
        made: dict[str, bytes] = marshal.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return made


def write(files: dict[str, bytes], out: Path) -> None:
    """Sorted, and without the times and rights of this machine."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w") as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name)  # of 1980-01-01
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)
    out.chmod(0o755)


if __name__ == "__main__":
    main()
