"""The image: built by buildah alone, run as its own user, and with nothing in it that needs a shell or a network."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import tocsin

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # file systems are copied whole, several times
LABEL = "org.opencontainers.image"
DEBIAN = [
    *("mmdebstrap", "--quiet", "--variant=essential", "--include=python3,ca-certificates,tzdata"),
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "locale", "man")),
    """--customize-hook=find "$1/usr/lib/python3.11" -name '*.pyc' -delete""",  # as in the stock image
]
UNCOMPILED = """
import os, sys, smtplib, sqlite3, ssl, jinja2, yaml, tocsin.cli, tocsin.commands.check, tocsin.config.document
from tocsin.receivers import render, smtp
cached = {name: getattr(module, "__cached__", None) for name, module in sys.modules.items() if name != "__main__"}
print(len(cached), *(name for name, path in cached.items() if path and not os.path.exists(path)))
"""
BASE = 'FROM scratch\nADD base.tar /\nCMD ["python3"]\n'


@dataclass(frozen=True)
class Image:
    """What deploy/image left: an OCI archive, and the image in a storage of the test's, with a container of it."""

    archive: Path
    storage: dict[str, str]

    def buildah(self, *words: str) -> str:
        run = subprocess.run(["buildah", *words], env=self.storage, check=True, capture_output=True, text=True)
        return run.stdout.strip()

    def run(self, *words: str) -> str:
        return self.buildah("run", self.container, "--", *words)

    @cached_property
    def container(self) -> str:
        return self.buildah("from", "localhost/tocsin:dev")

    @cached_property
    def folder(self) -> Path:
        return Path(self.buildah("mount", self.container))

    def config(self) -> dict[str, Any]:
        """What a runtime is told, in the words of the OCI's image specification."""
        with tarfile.open(self.archive) as archive:
            manifest = blob(archive, "index.json")["manifests"][0]
            described = blob(archive, f"blobs/{manifest['digest'].replace(':', '/')}")["config"]
            config: dict[str, Any] = blob(archive, f"blobs/{described['digest'].replace(':', '/')}")["config"]
            return config | {"name": manifest["annotations"][f"{LABEL}.ref.name"]}


def blob(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = archive.extractfile(name)
    assert file
    read: dict[str, Any] = json.load(file)
    return read


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that make buildah keep all it has in a folder of the test's."""
    if os.geteuid() != 0 or not shutil.which("buildah") or not shutil.which("mmdebstrap"):
        pytest.skip("needs root, buildah and mmdebstrap")
    folder = tmp_path_factory.mktemp("containers")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/g"\nrunroot = "{folder}/r"\n'
    )
    variables = {"CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf", "TMPDIR": str(folder), "HOME": str(folder)}
    variables |= {"PATH": os.environ["PATH"], "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
    yield variables
    for words in ("rm --all", "rmi --all --force"):
        subprocess.run(["buildah", *words.split()], env=variables, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(wheels: Path, storage: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Made from Debian's Python, by a buildah without network and without a policy."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([*DEBIAN, "bookworm", folder / "base.tar"], check=True)
    (folder / "Containerfile").write_text(BASE)
    subprocess.run(["buildah", "bud", "--quiet", "-t", "localhost/base:test", folder], env=storage, check=True)
    chosen = {name: text for name, text in storage.items() if name not in {"STORAGE_DRIVER", "BUILDAH_ISOLATION"}}
    chosen |= {"BUILDER": "buildah", "BASE": "localhost/base:test"}
    command = ["unshare", "--mount", "--net", "sh", "-c", 'mount -t tmpfs none /etc/containers && exec "$@"', "sh"]
    subprocess.run([*command, ROOT / "deploy/image", wheels, folder / "image.tar"], env=chosen, check=True)
    yield Image(folder / "image.tar", storage)
    shutil.rmtree(folder)


def test_it_is_named_and_labelled_and_has_an_unprivileged_user(image: Image) -> None:
    config = image.config()
    assert (config["name"], config["User"]) == ("localhost/tocsin:dev", "65532:65532")
    assert config["Labels"][f"{LABEL}.title"] == "tocsin"
    assert config["Labels"][f"{LABEL}.version"] == tocsin.__version__
    assert config["Labels"][f"{LABEL}.licenses"] == "Apache-2.0"
    assert (config["Entrypoint"], config["Cmd"]) == (["tocsin"], ["check"])


def test_it_runs_as_that_user_without_a_shell(image: Image) -> None:
    for shell in ("sh", "dash", "bash"):
        (image.folder / "usr/bin" / shell).unlink()
    assert image.run("tocsin", "--version") == f"tocsin, version {tocsin.__version__}"
    assert '["IPTables-TFTP-Rejected: "]' in image.run("tocsin", "config")
    assert "sent: first to admin@example.org" in image.run("tocsin", "demo")
    assert image.run("id", "-u") == "65532"


def test_nothing_is_compiled_when_it_starts_and_nothing_is_its_user_s(image: Image) -> None:
    loaded, *uncompiled = image.run("python3", "-c", UNCOMPILED).split()
    assert int(loaded) > 200
    assert uncompiled == []
    assert image.run("find", "/app", "-writable") == ""
