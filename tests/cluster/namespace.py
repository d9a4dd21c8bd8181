"""A namespace of a test's own, and what happened in it."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

KINDS = "all,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims,roles,rolebindings"


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test's own."""

    cluster: "Cluster"
    name: str

    def kubectl(self, *words: str, stdin: str | None = None, seconds: float = 120) -> str:
        return self.cluster.kubectl(f"--namespace={self.name}", *words, stdin=stdin, seconds=seconds)

    def get(self, *words: str) -> Any:  # noqa: ANN401 (what Kubernetes says)
        return self.cluster.get(f"--namespace={self.name}", *words)

    def helm(self, *words: str, major: int = 4, stdin: str | None = None) -> str:
        return self.cluster.helm(f"--namespace={self.name}", *words, major=major, stdin=stdin)

    def apply(self, *objects: object) -> None:
        """Applies objects as Kubernetes writes them."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(listed))

    def secret(self, name: str, files: dict[str, str]) -> None:
        """A Secret of files by name."""
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": files})

    def left(self) -> str:
        """The names of all that is in it."""
        return self.kubectl("get", KINDS, "--output=name")

    def story(self) -> str:
        """What happened here: for a test that fails."""
        told = [self.kubectl("get", "all,configmaps,secrets", "--output=wide"), self.kubectl("get", "events")]
        for pod in self.get("pods"):
            name = pod["metadata"]["name"]
            logs = subprocess.run(
                ["kubectl", f"--namespace={self.name}", "logs", name, "--all-containers", "--prefix"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            told.append(f"{logs.stdout}{logs.stderr}")
        return "\n".join(told)


@pytest.fixture
def namespace(cluster: "Cluster", tmp_path: Path) -> Iterator[Namespace]:
    """A namespace that ends with the test; the test's captured output tells what happened in it.

    Whatever a test is about: no container in it, however short it lived, was killed for its memory.
    """
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    cluster.namespaces.append(name)
    made = Namespace(cluster, name)
    try:
        with _ends(made, tmp_path / "ends") as ends:
            yield made
            sys.stdout.write(made.story())
            assert not [pod for pod in ends() if "OOMKilled" in pod]
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def _ends(namespace: Namespace, file: Path) -> Iterator[Callable[[], list[str]]]:
    """Each pod that there was, and why its containers ended, as often as either changed."""
    look = ("get", "pods", "--output=jsonpath={range .items[*]}{.metadata.name} {..reason}{'\\n'}{end}")
    watch = ("get", "pods", "--watch", "--output=jsonpath={.metadata.name} {..reason}{'\\n'}")
    with (
        file.open("w") as written,
        subprocess.Popen(["kubectl", f"--namespace={namespace.name}", *watch], stdout=written) as watching,
    ):
        try:
            yield lambda: [*file.read_text().splitlines(), *namespace.kubectl(*look).splitlines()]
        finally:
            watching.terminate()
