"""render.py HELM [--check]: renders deploy/manifests from the chart, or says which of them is stale."""

import re
import subprocess
import sys
from pathlib import Path

import fresh

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy/manifests"
OLDEST = "1.29"  # what every cluster takes
MAIL = [
    "settings.receivers[0].email.server=mail.example.org:587",
    "settings.receivers[0].email.to[0]=admin@example.org",
]
CRONJOB = [*MAIL, "mode=cronjob", "nodes[0]=minikube"]
SEED = [*CRONJOB, "delivery=configmap", "logs.hostPath=/host_logs", "monitorLog.hostPath=/host_logs/mon_logs"]
CODE = "kubectl create configmap tftp-monitor --from-file=build/tocsin.pyz"
SETS = {
    "daemonset": (MAIL, "a DaemonSet: every node is watched", ""),
    "cronjob": (CRONJOB, "a CronJob: one node, minikube's, is checked each minute", ""),
    "cronjob-configmap": (SEED, "a CronJob with its code from a ConfigMap, on a stock Python image", CODE),
}


def manifest(helm: str, name: str) -> str:
    """What one file holds: the chart's objects without Helm's own labels, and what to type."""
    values, what, first = SETS[name]
    options = [word for value in values for word in ("--set", value)]
    command = [helm, "template", "tftp-monitor", "deploy/chart", "--kube-version", OLDEST, "--skip-tests", *options]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    objects = re.sub(r"(?m)^ *(namespace|helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", "", run.stdout)
    objects = re.sub(r"\n+---\n", "\n---\n", objects)
    return "".join(f"# {line}\n" for line in _head(name, what, first)) + objects


def _head(name: str, what: str, first: str) -> list[str]:
    lines = [
        f"tocsin as {what}.",
        "Written by make manifests from deploy/chart: change the chart, not this file.",
        "Replace mail.example.org and admin@example.org by your mail server and who gets its mail,",
        *(["and minikube by the node's name," if "cronjob" in name else ""]),
        "then type:",
        *([f"    {first}"] if first else []),
        f"    kubectl apply --server-side -f deploy/manifests/{name}.yaml",
    ]
    return [line for line in lines if line]


def main() -> int:
    helm, *options = sys.argv[1:]
    wanted = {FOLDER / f"{name}.yaml": manifest(helm, name) for name in SETS}
    return fresh.write(wanted, "manifests", check="--check" in options)


if __name__ == "__main__":
    sys.exit(main())
