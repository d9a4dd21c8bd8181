"""Write an OCI image archive from directories or tar files, one layer each, without a daemon.

mkimage.py OUT.tar NAME:TAG LAYER... [--entrypoint A,B] [--cmd A,B] [--env K=V] [--user U] [--workdir D]

The same input gives the same digest, which is printed. `ctr images import` reads the result.
"""

import argparse
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

LAYOUT = "application/vnd.oci.image"


def layer_from(root: Path) -> bytes:
    """One uncompressed layer: a tar file as it is, a directory in sorted order without times or names."""
    if root.is_file():
        return root.read_bytes()

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = 0
        member.uname = member.gname = ""
        return member

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for child in sorted(root.iterdir()):
            tar.add(child, arcname=child.name, filter=plain)
    return buffer.getvalue()


def digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def described(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": f"{LAYOUT}.{kind}", "digest": digest(blob), "size": len(blob)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("name")
    parser.add_argument("layers", nargs="+", type=Path)
    parser.add_argument("--entrypoint", default="")
    parser.add_argument("--cmd", default="")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--user", default="")
    parser.add_argument("--workdir", default="/")
    options = parser.parse_args()

    layers = [layer_from(root) for root in options.layers]
    env = options.env
    if not any(setting.startswith("PATH=") for setting in env):
        env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *env]
    run = {"Env": env, "User": options.user, "WorkingDir": options.workdir}
    if options.entrypoint:
        run["Entrypoint"] = options.entrypoint.split(",")
    if options.cmd:
        run["Cmd"] = options.cmd.split(",")
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        },
        sort_keys=True,
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{LAYOUT}.manifest.v1+json",
            "config": described("config.v1+json", config),
            "layers": [described("layer.v1.tar", layer) for layer in layers],
        },
        sort_keys=True,
    ).encode()
    tag = options.name.rpartition(":")[2]
    names = {"io.containerd.image.name": options.name, "org.opencontainers.image.ref.name": tag}
    index = json.dumps(
        {"schemaVersion": 2, "manifests": [{**described("manifest.v1+json", manifest), "annotations": names}]}
    ).encode()
    with tarfile.open(options.out, "w") as archive:

        def put(name: str, blob: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(blob)
            archive.addfile(member, io.BytesIO(blob))

        put("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        put("index.json", index)
        for blob in {digest(blob): blob for blob in (config, manifest, *layers)}.values():
            put("blobs/sha256/" + digest(blob).removeprefix("sha256:"), blob)
    sys.stdout.write(f"{options.name} {digest(manifest)}\n")


if __name__ == "__main__":
    main()
