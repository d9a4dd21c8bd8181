"""The JSON schema tells the truth: it takes and refuses what `load` takes and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tocsin import config
from tocsin.config import shape
from tocsin.config.shape import SETTINGS
from tocsin.errors import SettingsError

MAIL = {"server": "mail.example.org", "to": ["admin@example.org"]}
RULE = {"name": "tftp", "prefix": "P: "}


def rule(**keys: object) -> dict[str, object]:
    return {"rules": [RULE | keys]}


def mail(**keys: object) -> dict[str, object]:
    return {"receivers": [{"email": MAIL | keys}]}


GOOD: list[dict[str, object]] = [
    {},
    {"state": "/var/lib/tocsin", "keep": "30d"},
    {"log": {}},
    {"log": {"format": "json", "file": "/log"}},
    {"sources": [{"file": {"path": "/log"}}, {"file": {"path": "/other", "timezone": "UTC"}}]},
    rule(),
    rule(port=1, protocol="udp", threshold=1000, window="30d", group_v6=128),
    rule(port=65535, protocol="tcp", threshold=1, window=" 1 s ", group_v6=1),
    rule(protocol="icmp"),
    rule(allow=[]),
    rule(allow=["192.0.2.1", "192.0.2.0/24", "2001:db8::/32", "::1", "::ffff:192.0.2.2"]),
    rule(prefix=["[UFW BLOCK] ", "x" * 127]),
    rule(prefix="!#%&()*+,-./:;<=>?@[]^_{|}~"),
    {"receivers": []},
    mail(),
    mail(name="admins", security="tls", **{"from": "tocsin@node1"}),
    mail(security="none", server=["mail:1", "mail.example.org.:65535", "192.0.2.1", "[2001:db8::1]:25", "2001:db8::1"]),
    mail(to=["a@b", "ü@bücher.example", "x+y@[192.0.2.1]"]),
    {"notify": {}},
    {"notify": {"repeat": "1h", "over": False, "limit": "20 / minute", "heartbeat": "2w"}},
]
BAD: list[object] = [
    mail(server="mail:70000"),
    mail(server="mail:0"),
    mail(server="mail:65536"),
    [],
    "text",
    None,
    {"rule": []},
    {"state": ""},
    {"state": "var"},
    {"state": 5},
    {"state": None},
    {"keep": "30"},
    {"keep": "0d"},
    {"keep": 30},
    {"keep": "-1d"},
    {"keep": "1.5d"},
    {"log": "text"},
    {"log": {"format": "xml"}},
    {"log": {"file": "log"}},
    {"log": {"colour": True}},
    {"sources": []},
    {"sources": {}},
    {"sources": [{}]},
    {"sources": ["/log"]},
    {"sources": [{"file": {}}]},
    {"sources": [{"file": {"path": "log"}}]},
    {"sources": [{"file": {"path": "/log", "timezone": ""}}]},
    {"sources": [{"journal": {}}]},
    {"sources": [{"file": {"path": "/log"}}, {"file": {"path": "/log"}}]},
    {"rules": []},
    {"rules": [{"name": "tftp"}]},
    {"rules": [{"prefix": "P: "}]},
    rule(name="TFTP"),
    rule(name="blind"),
    rule(name=""),
    rule(name="x" * 41),
    rule(name=5),
    rule(kind="requests"),
    rule(prefix=""),
    rule(prefix="  "),
    rule(prefix=[]),
    rule(prefix=["a", "a"]),
    rule(prefix="x" * 128),
    *(rule(prefix=f"a{odd}b") for odd in "\"'\\$`ü\n\t"),
    *(rule(port=port) for port in (0, 65536, -1, "69", True, None, 1.5)),
    rule(protocol="UDP"),
    rule(protocol="sctp"),
    rule(port=69, protocol="icmp"),
    *(rule(threshold=threshold) for threshold in (0, 1001, "1", False)),
    *(rule(window=window) for window in ("", "10", "10 minutes", "0m", 600, None)),
    *(rule(allow=allow) for allow in ("192.0.2.1", ["host"], [5], [""], ["192.0.2.1", "192.0.2.1"])),
    *(rule(group_v6=length) for length in (0, 129, "64")),
    {"receivers": {}},
    {"receivers": [{}]},
    {"receivers": [{"webhook": {}}]},
    {"receivers": [{"email": {"server": "mail"}}]},
    {"receivers": [{"email": {"to": ["a@b"]}}]},
    *(mail(server=server) for server in ("", "a b", "http://mail", "mail:", "mail:x", "a..b", "bücher.example", 25)),
    *(mail(to=to) for to in ("a@b", [], ["a"], ["a@b@c"], ["a b@c"], ["A <a@b>"], ["a@b,c@d"], ["a@b", "a@b"], [5])),
    mail(server=[]),
    mail(security="ssl"),
    mail(security=False),
    mail(username="x"),
    mail(password_file="/x"),  # noqa: S106 (a path)
    mail(name="Admins"),
    mail(ca_file="ca.pem"),
    mail(**{"from": "tocsin"}),
    mail(sender="a@b"),
    *({"notify": {"over": over}} for over in ("true", 1, None)),
    *({"notify": {"limit": limit}} for limit in (20, "20", "0/h", "20/y", "20/10m")),
    *({"notify": {key: wrong}} for key in ("repeat", "heartbeat") for wrong in ("1", 1, "never")),
    {"notify": {"often": True}},
]
# What no schema can say: it takes more than one value to see it, or the file system.
BEYOND: list[object] = [
    rule(window="31d"),
    rule(allow=["192.0.2.1/24"]),
    rule(allow=["192.0.2.300"]),
    rule(prefix=["a", "ab"]),
    {"rules": [RULE, RULE | {"port": 69}]},
    {"sources": [{"file": {"path": "/log"}}, {"file": {"path": "/log", "timezone": "UTC"}}]},
    {"sources": [{"file": {"path": "/log", "timezone": "Nowhere"}}]},
    mail(ca_file="/nowhere/ca.pem"),
    mail(username="x", password_file="/nowhere/password"),  # noqa: S106 (a path)
]
VALIDATOR = Draft202012Validator(config.schema())


def load(folder: Path, settings: object) -> config.Config:
    file = folder / "tocsin.yaml"
    file.write_text(json.dumps(settings))
    return config.load(str(file), {})


@pytest.mark.parametrize("settings", GOOD)
def test_schema_and_load_take_the_same(tmp_path: Path, settings: dict[str, object]) -> None:
    VALIDATOR.validate(settings)
    load(tmp_path, settings)


@pytest.mark.parametrize("settings", BAD)
def test_schema_and_load_refuse_the_same(tmp_path: Path, settings: object) -> None:
    assert not VALIDATOR.is_valid(settings)
    with pytest.raises(SettingsError):
        load(tmp_path, settings)


@pytest.mark.parametrize("settings", BEYOND)
def test_load_refuses_what_no_schema_can_see(tmp_path: Path, settings: object) -> None:
    VALIDATOR.validate(settings)
    with pytest.raises(SettingsError):
        load(tmp_path, settings)


def test_what_load_makes_of_settings_is_valid_again(tmp_path: Path) -> None:
    for settings in GOOD:
        VALIDATOR.validate(config.as_settings(load(tmp_path, settings)))


def test_the_schema_is_a_schema_and_plain_values() -> None:
    Draft202012Validator.check_schema(config.schema())
    assert json.loads(json.dumps(config.schema())) == config.schema()


def test_the_schema_has_the_keys_that_load_knows() -> None:
    top: Any = config.schema()["properties"]
    assert list(top) == list(SETTINGS)
    email = top["receivers"]["items"]["properties"]["email"]
    file = top["sources"]["items"]["properties"]["file"]
    for found, known in (
        (top["log"], shape.LOG),
        (top["notify"], shape.NOTIFY),
        (top["rules"]["items"], shape.RULE),
        (email, shape.EMAIL),
        (file, shape.FILE),
    ):
        assert set(found["properties"]) == set(known)
        assert found["additionalProperties"] is False


def test_the_schema_shows_the_defaults_that_load_takes(tmp_path: Path) -> None:
    top: Any = config.schema()["properties"]
    plain: Any = config.as_settings(load(tmp_path, rule() | mail()))
    for properties, made in (
        (top["rules"]["items"]["properties"], plain["rules"][0]),
        (top["notify"]["properties"], plain["notify"]),
        (top["receivers"]["items"]["properties"]["email"]["properties"], plain["receivers"][0]["email"]),
    ):
        shown = {key: one["default"] for key, one in properties.items() if "default" in one}
        assert shown
        assert shown == {key: made[key] for key in shown}
