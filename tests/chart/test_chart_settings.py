"""The settings that the chart writes are what the operator gave, with the pod's paths, and the program takes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin import config

Render = Callable[..., list[dict[str, Any]]]
RECEIVERS = [{"email": {"server": "mail.example.org:587", "to": ["admin@example.org"]}}]


@pytest.fixture
def written(render: Render) -> Callable[[dict[str, Any]], str]:
    def text(values: dict[str, Any]) -> str:
        maps = (one for one in render(values) if one["kind"] == "ConfigMap")
        return str(next(one["data"]["tocsin.yaml"] for one in maps if one["metadata"]["name"].endswith("-settings")))

    return text


Written = Callable[[dict[str, Any]], str]


def test_paths_are_filled_in(written: Written) -> None:
    found = yaml.safe_load(written({"monitorLog": {"hostPath": "/var/log/mon_logs"}}))
    assert found == {
        "state": "/var/lib/tocsin",
        "log": {"file": "/host_logs/mon_logs/tftp_monitor.log"},
        "sources": [{"file": {"path": "/host_logs/syslog", "timezone": "/host_localtime"}}],
    }


def test_without_a_folder_for_the_monitor_log_there_is_none(written: Written) -> None:
    assert yaml.safe_load(written({"settings": {"log": {"format": "json"}}}))["log"] == {"format": "json"}


@pytest.mark.parametrize(
    ("given", "zone", "filled"),
    [
        (None, "/etc/localtime", "/host_localtime"),
        ("/etc/localtime", "/usr/share/zoneinfo/UTC", "/host_localtime"),
        (None, "Europe/Vienna", "Europe/Vienna"),
        ("/etc/localtime", "Europe/Vienna", "Europe/Vienna"),
        ("UTC", "/etc/localtime", "UTC"),
        (None, "", None),
        ("/etc/localtime", "", None),
    ],
)
def test_a_source_without_a_zone_has_the_nodes(
    given: str | None, zone: str, filled: str | None, written: Written
) -> None:
    file = {"path": "/host_logs/messages"} | ({"timezone": given} if given else {})
    found = yaml.safe_load(written({"settings": {"sources": [{"file": file}]}, "logs": {"timezone": zone}}))
    assert found["sources"][0]["file"].get("timezone") == filled


def test_the_settings_of_the_documents_can_be_pasted(written: Written) -> None:
    pasted = {"state": "/var/lib/tocsin", "log": {"file": "/host_logs/mon_logs/tftp_monitor.log"}}
    found = yaml.safe_load(written({"settings": pasted, "monitorLog": {"hostPath": "/var/log/mon_logs"}}))
    assert pasted.items() <= found.items()


ODD = [
    "= ",
    "y",
    "0123 ",
    "1:30",
    "2026-01-01",
    "<< ",
    "~",
    "[UFW BLOCK] ",
    "a: b",
    "# x",
    "{x} ",
    "x " * 60,
    "%a",
    "@b",
]


def test_the_program_reads_what_was_given(written: Written, tmp_path: Path) -> None:
    rules = [{"name": f"r{number}", "prefix": prefix, "port": number + 1} for number, prefix in enumerate(ODD)]
    text = written({"settings": {"rules": rules, "receivers": RECEIVERS}, "logs": {"timezone": "UTC"}})
    (tmp_path / "tocsin.yaml").write_text(text)
    loaded = config.load(str(tmp_path / "tocsin.yaml"), {})
    assert [rule.prefix for rule in loaded.rules] == [(prefix,) for prefix in ODD]
    assert (loaded.state, loaded.sources[0].path) == ("/var/lib/tocsin", "/host_logs/syslog")


def test_mail_may_leave_by_every_port_that_the_settings_name(render: Render) -> None:
    servers = ["mail.example.org", "a.example.org:2525", "[2001:db8::1]:1025", "2001:db8::9999"]
    email = {"server": servers, "to": ["admin@example.org"]}
    values = {"networkPolicy": {"enabled": True}, "settings": {"receivers": [{"email": email}]}}
    (policy,) = (one["spec"] for one in render(values) if one["kind"] == "NetworkPolicy")
    dns, mail = ([(port["protocol"], port["port"]) for port in rule["ports"]] for rule in policy["egress"])
    assert dns == [("UDP", 53), ("TCP", 53)]
    assert mail == [("TCP", port) for port in (25, 465, 587, 2525, 1025)]
    assert policy["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize(("env", "ports"), [([], []), ([{"name": "REMOTE_SMTP_PORT", "value": "2525"}], [[2525]])])
def test_no_port_stands_for_none_and_not_for_all(env: list[Any], ports: list[list[int]], render: Render) -> None:
    values = {"networkPolicy": {"enabled": True, "mailPorts": []}, "extraEnv": env}
    (policy,) = (one["spec"] for one in render(values) if one["kind"] == "NetworkPolicy")
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], *ports]


@pytest.mark.parametrize(("mode", "ports"), [("daemonset", [[9469]]), ("cronjob", [])])
def test_only_the_metrics_of_a_daemonset_may_be_asked_for(mode: str, ports: list[list[int]], render: Render) -> None:
    values = {"networkPolicy": {"enabled": True}, "mode": mode, "nodes": ["node1"]}
    (policy,) = (one["spec"] for one in render(values) if one["kind"] == "NetworkPolicy")
    assert [[port["port"] for port in rule["ports"]] for rule in policy.get("ingress", [])] == ports


@pytest.mark.parametrize(
    "given",
    [{"existingSecret": "x"}, {"secrets": {"a": "x"}}, {"extraVolumeMounts": [{"name": "a", "mountPath": "/secrets"}]}],
)
def test_a_file_in_secrets_may_come_from_each_place(given: dict[str, Any], written: Written) -> None:
    email = {"server": "mail.example.org", "to": ["admin@example.org"], "ca_file": "/secrets/a"}
    assert "ca_file: /secrets/a" in written({"settings": {"receivers": [{"email": email}]}} | given)


def test_secrets_come_from_the_values_or_from_a_secret_that_is_there(render: Render) -> None:
    (made,) = (one for one in render({"secrets": {"password": "s3cret"}}) if one["kind"] == "Secret")
    assert made["metadata"]["name"] == "tftp-monitor-secrets"
    assert made["data"] == {"password": "czNjcmV0"}
    assert not [one for one in render({"existingSecret": "there"}) if one["kind"] == "Secret"]


@pytest.mark.parametrize(
    ("account", "made", "used"),
    [
        ({}, ["tftp-monitor"], "tftp-monitor"),
        ({"name": "own"}, ["own"], "own"),
        ({"create": False}, [], "default"),
        ({"create": False, "name": "theirs"}, [], "theirs"),
    ],
)
def test_the_account_is_made_or_named(
    account: dict[str, Any], made: list[str], used: str, render: Render, pod: Callable[..., Any]
) -> None:
    values = {"serviceAccount": account}
    names = [one["metadata"]["name"] for one in render(values) if one["kind"] == "ServiceAccount"]
    assert (names, pod(values)["serviceAccountName"]) == (made, used)


def test_the_policy_is_for_every_pod_of_the_release(render: Render) -> None:
    objects = render({"networkPolicy": {"enabled": True}})
    (chosen,) = (one["spec"]["podSelector"]["matchLabels"] for one in objects if one["kind"] == "NetworkPolicy")
    labels = [one["metadata"]["labels"] for one in objects if one["kind"] == "Pod"]
    labels += [one["spec"]["template"]["metadata"]["labels"] for one in objects if one["kind"] == "DaemonSet"]
    assert len(labels) == 2
    assert all(chosen.items() <= one.items() for one in labels)


def test_more_objects_are_templates_themselves(render: Render) -> None:
    more = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}
    assert {"tftp-monitor-more"} <= {one["metadata"]["name"] for one in render({"extraObjects": [more]})}


def test_an_account_of_ones_own_has_its_annotations(render: Render) -> None:
    values = {"serviceAccount": {"annotations": {"a": "b"}}}
    (account,) = (one for one in render(values) if one["kind"] == "ServiceAccount")
    assert account["metadata"]["annotations"] == {"a": "b"}
