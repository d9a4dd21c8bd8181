"""The cluster that the other tests here rely on."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster, Eventually
    from tests.cluster.mail import Inbox
    from tests.cluster.namespace import Namespace

PREFIX = "IPTables-TFTP-Rejected: "
SEND = """
import smtplib, ssl, sys
with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=10) as talk:
    talk.starttls(context=ssl.create_default_context(cafile="/secrets/ca.pem"))
    talk.login("lab", open("/secrets/password").read().strip())
    talk.sendmail("tocsin@example.org", "admin@example.org", "Subject: hi\\n\\nhello\\n")
"""


def test_every_node_is_ready(cluster: "Cluster") -> None:
    for node in cluster.get("nodes"):
        conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
        assert conditions["Ready"] == "True"
    assert len(cluster.nodes) == 2 or not cluster.ours


@pytest.mark.xdist_group("node1")
def test_an_attack_is_in_the_log_of_the_node_that_it_hit(cluster: "Cluster", eventually: "Eventually") -> None:
    before = [len(cluster.syslog(node)) for node in cluster.nodes]
    cluster.guard("node1")
    cluster.attack("node1")
    lines = eventually(lambda: [line for line in cluster.syslog("node1")[before[0] :] if PREFIX in line], 10)
    assert len(lines) >= 5
    assert all(" node1 kernel: " in line and "SRC=192.168.99.100 " in line and "DPT=69 " in line for line in lines)
    assert not any(PREFIX in line for line in cluster.syslog("node2")[before[1] :])


@pytest.mark.xdist_group("node1")
def test_after_a_rotation_the_log_goes_on_in_a_new_file(cluster: "Cluster", eventually: "Eventually") -> None:
    cluster.guard("node1")
    cluster.attack("node1", gets=12)
    eventually(lambda: cluster.syslog("node1"), 10)
    cluster.rotate("node1")
    assert PREFIX in cluster.on("node1", "cat", "/var/log/syslog.1")
    assert cluster.on("node1", "stat", "--format=%U:%G %a", "/var/log/syslog") == "root:adm 640\n"
    cluster.guard("node1")
    cluster.attack("node1", gets=12)
    assert eventually(lambda: PREFIX in "".join(cluster.syslog("node1")), 10)


@pytest.mark.parametrize("number", [0, 1])
def test_a_pod_of_each_node_can_mail_by_starttls_and_auth(
    number: int, cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", eventually: "Eventually"
) -> None:
    if number >= len(cluster.nodes):
        pytest.skip("needs a second node")
    namespace.secret("mail", inbox.secrets)
    container = {
        "name": "mail",
        "image": cluster.python(),
        "command": ["python3", "-c", SEND, inbox.host, str(inbox.port)],
        "volumeMounts": [{"name": "secrets", "mountPath": "/secrets"}],
    }
    volumes = [{"name": "secrets", "secret": {"secretName": "mail"}}]
    spec = {"nodeName": cluster.nodes[number], "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mail"}, "spec": spec})
    assert eventually(lambda: inbox.mails)[0].message["Subject"] == "hi"


def test_every_node_has_our_image(
    cluster: "Cluster", namespace: "Namespace", image: str, eventually: "Eventually"
) -> None:
    for node in cluster.nodes:
        on = json.dumps({"apiVersion": "v1", "spec": {"nodeName": node}})
        namespace.kubectl("run", node, f"--image={image}", "--restart=Never", f"--overrides={on}", "--", "--version")
    for node in cluster.nodes:
        assert eventually(lambda node=node: namespace.kubectl("logs", node)).startswith("tocsin")  # type: ignore[misc]


def test_the_traces_name_all_that_the_running_cluster_has(cluster: "Cluster") -> None:
    kinds = {
        "process": "kubelet --config",
        "namespace": "kube-node1",
        "mount": "/run/netns/kube-node1",
        "cgroup": "/cluster-node1",
        "path": "/run/cluster-node1",
        "knob": "nf_log_all_netns = 1",
    }
    traces = cluster.traces()
    for kind, name in kinds.items():
        assert any(trace.startswith(f"{kind} ") and name in trace for trace in traces), kind
