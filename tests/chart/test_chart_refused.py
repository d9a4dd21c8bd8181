"""A wrong value is refused by Helm itself, and the message names the place and what is wrong there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHART = str(Path(__file__).resolve().parents[2] / "deploy/chart")
MAIL = {"server": "mail.example.org", "to": ["admin@example.org"]}
RULE = {"name": "tftp", "prefix": "P: "}
Values = dict[str, Any]


def rule(**keys: object) -> Values:
    return {"settings": {"rules": [RULE | keys]}}


def mail(**keys: object) -> Values:
    return {"settings": {"receivers": [{"email": MAIL | keys}]}}


REFUSED: list[tuple[Values, str]] = [
    ({"mode": "deployment"}, "at '/mode': value must be one of 'daemonset', 'cronjob'"),
    ({"mode": "cronjob"}, "at '/nodes': minItems: got 0, want 1"),
    ({"mode": "cronjob", "nodes": ["Node 1"]}, "at '/nodes/0': 'Node 1' does not match pattern"),
    ({"nodes": ["a", "a"]}, "at '/nodes': items at 0 and 1 are equal"),
    ({"nodes": "node1"}, "at '/nodes': got string, want array"),
    ({"delivery": "git"}, "at '/delivery': value must be one of 'image', 'configmap'"),
    ({"profile": "root"}, "at '/profile': value must be one of 'nonroot', 'root-nocaps'"),
    ({"imagee": {}}, "additional properties 'imagee' not allowed"),
    ({"image": {"tags": "dev"}}, "at '/image': additional properties 'tags' not allowed"),
    ({"image": {"digest": "abc"}}, "at '/image/digest': 'abc' does not match pattern"),
    ({"image": None}, "missing property 'image'"),
    ({"schedule": "* * * *"}, "at '/schedule': '* * * *' does not match pattern"),
    ({"schedule": "TZ=UTC * * * * *"}, "at '/schedule': 'TZ=UTC * * * * *' does not match pattern"),
    ({"activeDeadlineSeconds": 60}, "at '/activeDeadlineSeconds': minimum: got 60, want 210"),
    ({"startingDeadlineSeconds": 5}, "at '/startingDeadlineSeconds': minimum: got 5, want 10"),
    ({"podFailurePolicy": {"enabled": "no"}}, "at '/podFailurePolicy/enabled': got string, want boolean"),
    ({"supplementalGroups": ["adm"]}, "at '/supplementalGroups/0': got string, want integer"),
    ({"commonLabels": {"team": 1}}, "at '/commonLabels/team': got number, want string"),
    ({"commonLabels": {"app": "x"}}, "podAnnotations: app is the chart's own (nameOverride is for app)"),
    ({"podLabels": {"app.kubernetes.io/component": "x"}}, "app.kubernetes.io/component is the chart's own"),
    ({"podAnnotations": {"checksum/settings": "x"}}, "checksum/settings is the chart's own"),
    ({"fullnameOverride": "x" * 53}, "at '/fullnameOverride': maxLength: got 53, want 52"),
    ({"secrets": {"a/b": "x"}}, "at '/secrets': additional properties 'a/b' not allowed"),
    ({"secrets": {"a": "x"}, "existingSecret": "b"}, "existingSecret and secrets: only one of them"),
    ({"logs": {"hostPath": "var/log"}}, "at '/logs/hostPath': 'var/log' does not match pattern '^/'"),
    ({"logs": {"timezone": " "}}, "at '/logs/timezone': ' ' does not match pattern"),
    ({"logs": {"timezone": "/etc/"}}, "at '/logs/timezone': '/etc/' does not match pattern"),
    (mail(ca_file="/secrets/ca.pem"), "say in existingSecret which Secret holds it"),
    ({"state": {"hostPath": "/var/lib"}}, "state.hostPath: /var/lib is given to tocsin's user"),
    (
        {"state": {"hostPath": "/var/lib/kubelet/pods"}},
        "state.hostPath: /var/lib/kubelet/pods is given to tocsin's user",
    ),
    ({"state": {"hostPath": "/usr/local/bin"}}, "state.hostPath: /usr/local/bin is given to tocsin's user"),
    ({"state": {"hostPath": "/var/log/pods"}}, "state.hostPath: /var/log/pods is given to tocsin's user"),
    ({"state": {"hostPath": "/tocsin"}}, "state.hostPath: /tocsin is given to tocsin's user"),
    ({"state": {"hostPath": "/var/lib/../log"}}, "state.hostPath: /var/lib/../log is given to tocsin's user"),
    ({"monitorLog": {"hostPath": "/var/log/"}}, "monitorLog.hostPath: /var/log/ is given to tocsin's user"),
    ({"monitorLog": {"hostPath": "/srv/tocsin/mon_logs"}}, "inside /var/log, so name /var/log/mon_logs"),
    ({"logs": {"hostPath": "/l/"}, "monitorLog": {"hostPath": "/var/log/mon_logs"}}, "so name /l/mon_logs"),
    ({"settings": {"log": {"file": "/host_logs/mon_logs/tftp_monitor.log"}}}, "monitorLog.hostPath must name"),
    ({"settings": {"log": {"file": "/x"}}}, "at '/settings/log/file': value must be '/host_logs/mon_logs/"),
    ({"settings": {"state": "/data"}}, "at '/settings/state': value must be '/var/lib/tocsin'"),
    ({"settings": {"rule": []}}, "at '/settings': additional properties 'rule' not allowed"),
    ({"settings": {"keep": 30}}, "at '/settings/keep': got number, want string"),
    ({"settings": {"keep": "30"}}, "at '/settings/keep': '30' does not match pattern"),
    ({"settings": {"keep": "0d"}}, "at '/settings/keep': '0d' does not match pattern"),
    ({"settings": {"sources": []}}, "at '/settings/sources': minItems: got 0, want 1"),
    ({"settings": {"sources": [{"file": {}}]}}, "at '/settings/sources/0/file': missing property 'path'"),
    ({"settings": {"notify": {"limit": "20"}}}, "at '/settings/notify/limit': '20' does not match pattern"),
    (rule(treshold=3), "at '/settings/rules/0': additional properties 'treshold' not allowed"),
    (rule(threshold=0), "at '/settings/rules/0/threshold': minimum: got 0, want 1"),
    (rule(port="69"), "at '/settings/rules/0/port': got string, want integer"),
    (rule(name="blind"), "at '/settings/rules/0/name': 'not' failed"),
    (rule(prefix="$(reboot)"), "at '/settings/rules/0/prefix': '$(reboot)' does not match pattern"),
    (rule(prefix=["P: ", " "]), "at '/settings/rules/0/prefix/1': ' ' does not match pattern"),
    (rule(port=69, protocol="icmp"), "at '/settings/rules/0': 'not' failed"),
    (rule(allow=["host"]), "at '/settings/rules/0/allow/0': 'host' does not match pattern"),
    ({"settings": {"receivers": [{}]}}, "at '/settings/receivers/0': minProperties: got 0, want 1"),
    (mail(to=[]), "at '/settings/receivers/0/email/to': minItems: got 0, want 1"),
    (mail(to="admin@example.org"), "at '/settings/receivers/0/email/to': got string, want array"),
    (mail(to=["admin"]), "at '/settings/receivers/0/email/to/0': 'admin' does not match pattern"),
    (mail(server="http://mail"), "at '/settings/receivers/0/email/server': 'http://mail' does not match pattern"),
    (mail(security="ssl"), "at '/settings/receivers/0/email/security': value must be one of 'starttls', 'tls', 'none'"),
    (mail(username="x"), "properties 'password_file' required, if 'username' exists"),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSED)
def test_helm_4_says_what_is_wrong_and_where(wrong: Values, message: str, helm: Callable[..., Any]) -> None:
    run = helm("template", "tftp-monitor", CHART, values=wrong)
    assert (run.returncode, run.stdout) == (1, "")
    assert message in run.stderr


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in REFUSED])
def test_helm_3_refuses_the_same(wrong: Values, helm3: Callable[..., Any]) -> None:
    refused = helm3("template", "tftp-monitor", CHART, values=wrong)
    assert refused.returncode == 1
    assert "Error: " in refused.stderr
