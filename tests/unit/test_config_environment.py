"""The environment over the settings file."""

import os
from pathlib import Path

import pytest

from tocsin import config
from tocsin.config import Config, LogSettings
from tocsin.errors import SettingsError
from tocsin.receivers.email import EmailSettings

SEED = {"NODE_IP": "192.0.2.1", "REMOTE_SMTP_IP": "192.0.2.25", "REMOTE_SMTP_PORT": "2525"}
TOLD = {**SEED, "TOCSIN_EMAIL_TO": "admin@example.org"}
ADDRESS_HINT = "write the bare address, as in admin@example.org"
SERVER_HINT = "write host, host:port or [v6]:port; a name beyond ASCII in its xn-- form"


def loaded(folder: Path, text: str, environ: dict[str, str]) -> Config:
    file = folder / "tocsin.yaml"
    file.write_text(text)
    return config.load(str(file), environ)


def test_the_variables_of_the_script_are_enough() -> None:
    found = config.load(None, TOLD)
    mail = EmailSettings(("192.0.2.25:2525",), ("admin@example.org",), "email", "none", sender="root@tftp-monitor")
    assert found.receivers == (mail,)
    assert found.log == LogSettings("text", "/host_logs/mon_logs/tftp_monitor.log")
    assert found.node_ip == "192.0.2.1"
    assert found.file is None


def test_without_a_recipient_there_is_no_receiver() -> None:
    assert config.load(None, SEED).receivers == ()
    assert config.load(None, {"TOCSIN_EMAIL_TO": "admin@example.org"}).receivers == ()


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("192.0.2.25", "", "192.0.2.25:25"),
        ("2001:db8::25", "", "[2001:db8::25]:25"),
        ("2001:db8::25", "2525", "[2001:db8::25]:2525"),
        ("[2001:db8::25]", "2525", "[2001:db8::25]:2525"),
        ("[2001:db8::25]:26", "", "[2001:db8::25]:26"),
        ("mail.example.org", "465", "mail.example.org:465"),
        (" mail.example.org:26 ", "", "mail.example.org:26"),
    ],
)
def test_the_server_may_be_any_address_or_name(host: str, port: str, server: str) -> None:
    found = config.load(None, {**TOLD, "REMOTE_SMTP_IP": host, "REMOTE_SMTP_PORT": port})
    assert found.receivers[0].server == (server,)


def test_recipients_are_parted_by_commas_or_blanks() -> None:
    found = config.load(None, {**TOLD, "TOCSIN_EMAIL_TO": " a@example.org,b@example.org  c@example.org, "})
    assert found.receivers[0].to == ("a@example.org", "b@example.org", "c@example.org")


def test_the_environment_wins_over_every_receiver_of_the_file(tmp_path: Path) -> None:
    text = """receivers:
    - email: {name: a, server: mail.example.org, to: [x@example.org]}
    - email: {name: b, server: mail.example.net, to: [y@example.org], security: tls}
    """
    for mail, security in zip(loaded(tmp_path, text, TOLD).receivers, ("starttls", "tls"), strict=True):
        assert (mail.server, mail.to, mail.security) == (("192.0.2.25:2525",), ("admin@example.org",), security)


def test_the_environment_fills_in_what_the_file_leaves_out(tmp_path: Path) -> None:
    (mail,) = loaded(tmp_path, "receivers: [{email: {name: admins}}]", TOLD).receivers
    assert (mail.name, mail.server, mail.security) == ("admins", ("192.0.2.25:2525",), "none")
    (mail,) = loaded(tmp_path, "receivers: [{email: {security: starttls}}]", TOLD).receivers
    assert mail.security == "starttls"


def test_with_a_file_the_sender_is_the_nodes(tmp_path: Path) -> None:
    (mail,) = loaded(tmp_path, "{}", {**TOLD, "NODE_NAME": "node1.example.org"}).receivers
    assert mail.sender == "tocsin@node1.example.org"


def test_a_password_is_not_sent_to_a_server_that_only_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    text = f"receivers: [{{email: {{username: x, password_file: {tmp_path}/password}}}}]"
    with pytest.raises(SettingsError, match="a password would cross the network unencrypted"):
        loaded(tmp_path, text, TOLD)


def test_values_of_the_environment_name_their_variable() -> None:
    origins = config.load(None, TOLD).origins
    assert origins["receivers[0].email.server"] == "environment REMOTE_SMTP_IP"
    assert origins["receivers[0].email.security"] == "environment REMOTE_SMTP_IP"
    assert origins["receivers[0].email.to"] == "environment TOCSIN_EMAIL_TO"
    assert origins["receivers[0].email.from"] == "default"
    assert origins["node_ip"] == "environment NODE_IP"


def test_the_settings_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("keep: 1d")
    (tmp_path / "b.yaml").write_text("keep: 2d")
    environ = {"TOCSIN_CONFIG": str(tmp_path / "a.yaml"), "TOCSIN_STATE": "/state"}
    assert config.load(None, environ).file == str(tmp_path / "a.yaml")
    assert config.load(str(tmp_path / "b.yaml"), environ).file == str(tmp_path / "b.yaml")
    assert config.load(None, environ).state == "/state"


def test_the_node_is_this_machine_unless_somebody_names_it() -> None:
    assert config.load(None, {}).node == os.uname().nodename
    assert config.load(None, {"NODE_NAME": "node1"}).node == "node1"
    assert config.load(None, {"NODE_NAME": ""}).origins["node"] == "default"
    assert config.load(None, {"NODE_NAME": "node1"}).origins["node"] == "environment NODE_NAME"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"REMOTE_SMTP_PORT": "25"}, "REMOTE_SMTP_PORT: set without REMOTE_SMTP_IP; hint: set both, or none"),
        (
            {**TOLD, "REMOTE_SMTP_PORT": "smtp"},
            "REMOTE_SMTP_PORT: 'smtp' is no port; hint: write a number from 1 to 65535",
        ),
        (
            {**TOLD, "REMOTE_SMTP_PORT": "70000"},
            "REMOTE_SMTP_PORT: '70000' is no port; hint: write a number from 1 to 65535",
        ),
        (
            {**TOLD, "REMOTE_SMTP_IP": "[::1]:25"},
            "REMOTE_SMTP_PORT: REMOTE_SMTP_IP names a port already: [::1]:25; hint: leave one of them out",
        ),
        ({"REMOTE_SMTP_IP": "192.0.2.300"}, f"REMOTE_SMTP_IP: '192.0.2.300' is no server; hint: {SERVER_HINT}"),
        (
            {**TOLD, "TOCSIN_EMAIL_TO": "a@example.org, admin"},
            "TOCSIN_EMAIL_TO: receivers[0].email.to[1]: 'admin' is no mail address; hint: " + ADDRESS_HINT,
        ),
        (
            {"TOCSIN_STATE": "state"},
            "TOCSIN_STATE: state: 'state' is no absolute path; hint: begin with /, as in /etc/state",
        ),
        ({"NODE_IP": "node1"}, "NODE_IP: 'node1' is no address"),
        (
            {"NODE_NAME": "a\r\nBcc: b"},
            r"NODE_NAME: 'a\\r\\nBcc: b' is no name of a node; hint: use letters, digits, dots and -",
        ),
        (
            {"NODE_NAME": "\udcff"},
            r"NODE_NAME: '\\udcff' is no name of a node; hint: use letters, digits, dots and -",
        ),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        config.load(None, environ)
    assert str(raised.value) == f"environment {message}"


@pytest.mark.parametrize("receivers", ["5", "[5]", "{}", "[{}]", "[{email: 5}]", "[{webhook: {}}]"])
def test_the_environment_does_not_hide_what_is_wrong_with_the_file(tmp_path: Path, receivers: str) -> None:
    with pytest.raises(SettingsError, match=r"tocsin\.yaml:1: receivers"):
        loaded(tmp_path, f"receivers: {receivers}", TOLD)
