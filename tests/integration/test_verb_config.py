"""config as a process."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.machine import Machine


def test_config_says_where_each_setting_comes_from(machine: "Machine") -> None:
    machine.environment["TOCSIN_STATE"] = "/var/lib/other"
    rows = {line.split()[0]: line for line in machine.run("config").stdout.splitlines()}
    assert rows["state"].split()[1:] == ['"/var/lib/other"', "environment", "TOCSIN_STATE"]
    assert rows["sources[0].file.path"].endswith(f"{machine.folder}/tocsin.yaml:2")
    assert rows["rules[0].threshold"].split()[1:] == ["1", "default"]
    read = json.loads(machine.run("config", "--json").stdout)
    assert read["settings"]["state"] == "/var/lib/other"
    assert read["origins"]["state"] == "environment TOCSIN_STATE"


def test_the_schema_is_printed_without_looking_at_the_settings(machine: "Machine") -> None:
    (machine.folder / "tocsin.yaml").write_text("- wrong")
    assert json.loads(machine.run("config", "--schema").stdout)["type"] == "object"
