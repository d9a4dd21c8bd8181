"""A settings file -> Config, with its defaults and the origin of each value."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from tocsin import config
from tocsin.config import Config, LogSettings
from tocsin.errors import NotPermitted, SettingsError
from tocsin.model import Notify, Rule
from tocsin.receivers.email import EmailSettings
from tocsin.sources.file import FileSettings
from tocsin.units import Rate

WHOLE = """\
state: /srv/tocsin
log: {format: json, file: /host_logs/mon_logs/tftp_monitor.log}
sources:
  - file: {path: /host_logs/syslog, timezone: UTC}
  - file:
      path: /host_logs/kern.log
rules:
  - name: tftp
    prefix: "IPTables-TFTP-Rejected: "
    port: 69
    protocol: udp
    threshold: 3
    window: 5m
    allow: [10.20.0.0/16, 2001:db8::1, "::ffff:192.0.2.0/120"]
    group_v6: 56
  - name: ssh
    prefix: ["[UFW BLOCK] ", "SSH: "]
receivers:
  - email:
      name: admins
      server: [mail.example.org:587, "2001:db8::25", 192.0.2.25]
      security: starttls
      from: tocsin@node1.example.org
      to: [admin@example.org, ops@example.org]
notify: {repeat: 2h, over: false, limit: 10/min, heartbeat: 1d}
keep: 8d
"""
SMALLEST_EMAIL = "receivers: [{email: {server: mail.example.org, to: [admin@example.org]}}]"


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    file = folder / "tocsin.yaml"
    file.write_text(text)
    return config.load(str(file), environ or {"NODE_NAME": "node1.example.org"})


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything, so it steps aside."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_every_key_of_a_whole_file_is_read(tmp_path: Path) -> None:
    found = loaded(tmp_path, WHOLE)
    assert (found.state, found.keep) == ("/srv/tocsin", timedelta(days=8))
    assert found.log == LogSettings("json", "/host_logs/mon_logs/tftp_monitor.log")
    assert found.sources == (FileSettings("/host_logs/syslog", "UTC"), FileSettings("/host_logs/kern.log"))
    assert found.notify == Notify(timedelta(hours=2), False, Rate(10, timedelta(minutes=1)), timedelta(days=1))  # noqa: FBT003 (in its place)
    assert found.file == str(tmp_path / "tocsin.yaml")


def test_every_key_of_a_rule_is_read(tmp_path: Path) -> None:
    tftp, ssh = loaded(tmp_path, WHOLE).rules
    allow = tuple(ip_network(one) for one in ("10.20.0.0/16", "2001:db8::1", "192.0.2.0/24"))
    assert tftp == Rule("tftp", ("IPTables-TFTP-Rejected: ",), 69, "udp", 3, timedelta(minutes=5), allow, 56)
    assert ssh == Rule("ssh", ("[UFW BLOCK] ", "SSH: "))


def test_every_key_of_a_receiver_is_read(tmp_path: Path) -> None:
    password, authority = tmp_path / "password", tmp_path / "ca.pem"
    password.write_text("secret\n")
    authority.write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    keys = f", username: tocsin, password_file: {password}, ca_file: {authority}, security: tls, from: a@example.org"
    (found,) = loaded(tmp_path, SMALLEST_EMAIL.replace("]}}", f"]{keys}}}}}")).receivers
    servers, to = ("mail.example.org:465",), ("admin@example.org",)
    assert found == EmailSettings(
        servers, to, "email", "tls", "tocsin", str(password), str(authority), sender="a@example.org"
    )


def test_servers_come_with_their_ports(tmp_path: Path) -> None:
    (found,) = loaded(tmp_path, WHOLE).receivers
    assert found.server == ("mail.example.org:587", "[2001:db8::25]:587", "192.0.2.25:587")


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_default_port_follows_the_security(tmp_path: Path, security: str, port: int) -> None:
    (found,) = loaded(tmp_path, SMALLEST_EMAIL.replace("]}}", f"], security: {security}}}}}")).receivers
    assert found.server == (f"mail.example.org:{port}",)


def test_the_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    found = loaded(tmp_path, SMALLEST_EMAIL)
    assert (found.state, found.keep, found.notify) == ("/var/lib/tocsin", timedelta(days=30), Notify())
    assert found.rules == (Rule("tftp", ("IPTables-TFTP-Rejected: ",)),)
    assert found.log == LogSettings("text", None)
    servers, to = ("mail.example.org:587",), ("admin@example.org",)
    assert found.receivers == (EmailSettings(servers, to, "email", "starttls", sender="tocsin@node1.example.org"),)


def test_a_password_may_go_unencrypted_to_this_machine(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    for server in ("localhost", "127.0.0.1:2525", "'::1'", "'[::1]:25'"):
        email = f"server: {server}, to: [a@example.org], security: none, username: x"
        text = f"receivers: [{{email: {{{email}, password_file: {tmp_path}/password}}}}]"
        assert loaded(tmp_path, text).receivers[0].username == "x"


def test_rules_may_share_a_prefix_if_ports_or_protocols_tell_them_apart(tmp_path: Path) -> None:
    text = """rules:
    - {name: a, prefix: "[UFW BLOCK] ", port: 69, protocol: udp}
    - {name: b, prefix: "[UFW BLOCK] ", port: 22}
    - {name: c, prefix: "[UFW BLOCK] ", port: 69, protocol: tcp}
    """
    assert [rule.name for rule in loaded(tmp_path, text).rules] == ["a", "b", "c"]


def test_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    found = loaded(tmp_path, WHOLE, {"TOCSIN_STATE": "/state"})
    file = tmp_path / "tocsin.yaml"
    assert found.origins["rules[0].threshold"] == f"{file}:12"
    assert found.origins["rules[0].allow"] == f"{file}:14"
    assert found.origins["rules[1].threshold"] == "default"
    assert found.origins["receivers[0].email.to"] == f"{file}:24"
    assert found.origins["state"] == "environment TOCSIN_STATE"
    assert found.origins["node"] == "default"


def test_settings_written_out_read_back_the_same(tmp_path: Path) -> None:
    found = loaded(tmp_path, WHOLE)
    again = loaded(tmp_path, json.dumps(config.as_settings(found)))
    assert replace(again, origins=found.origins) == found


def test_settings_written_out_hold_no_secret(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    keys = f", username: x, password_file: {tmp_path}/password"
    found = loaded(tmp_path, SMALLEST_EMAIL.replace("]}}", f"]{keys}}}}}"))
    assert f"{tmp_path}/password" in str(config.as_settings(found))
    assert "hunter2" not in repr(found)


def test_an_empty_map_takes_every_default(tmp_path: Path) -> None:
    assert loaded(tmp_path, "{}").receivers == ()


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert loaded(tmp_path, "\ufeffkeep: 1d").keep == timedelta(days=1)


def test_a_verb_that_tells_somebody_refuses_settings_without_a_receiver(tmp_path: Path) -> None:
    found = loaded(tmp_path, "{}")
    hint = "add a receiver to the settings, or set REMOTE_SMTP_IP and TOCSIN_EMAIL_TO"
    with pytest.raises(SettingsError) as raised:
        config.told(found)
    assert str(raised.value) == f"{tmp_path}/tocsin.yaml: receivers: nobody would be told; hint: {hint}"


def test_a_verb_that_tells_somebody_gets_the_receivers(tmp_path: Path) -> None:
    found = loaded(tmp_path, WHOLE)
    assert config.told(found) == found.receivers


def test_a_settings_file_that_may_not_be_read_is_not_permitted(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text("{}")
    file.chmod(0)
    with nobody(), pytest.raises(NotPermitted, match="this user may not read the settings"):
        config.load(str(file), {})


def test_the_zone_of_a_source_comes_by_name_or_from_a_file() -> None:
    winter = datetime(2026, 1, 1, tzinfo=UTC)
    named = config.zone(FileSettings("/log", "Europe/Vienna"))
    filed = config.zone(FileSettings("/log", "/usr/share/zoneinfo/Europe/Vienna"))
    assert named is not None
    assert filed is not None
    assert named.utcoffset(winter) == filed.utcoffset(winter) == timedelta(hours=1)
    assert config.zone(FileSettings("/log")) is None


def test_a_zone_that_is_gone_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="timezone: /nowhere: No such file or directory"):
        config.zone(FileSettings("/log", "/nowhere"))


def test_the_default_log_is_the_first_that_is_there(tmp_path: Path) -> None:
    node_log, syslog, messages = (str(tmp_path / name) for name in ("node", "syslog", "messages"))
    logs = (syslog, messages)
    assert config.default_log({}, node_log=node_log, logs=logs) == syslog
    assert config.default_log({"NODE_IP": "192.0.2.1"}, node_log=node_log, logs=logs) == node_log
    Path(messages).touch()
    assert config.default_log({}, node_log=node_log, logs=logs) == messages
    Path(node_log).touch()
    assert config.default_log({}, node_log=node_log, logs=logs) == node_log
