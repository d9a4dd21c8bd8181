"""docs/configuration.md names every key and every variable, with its true default, and its example loads."""

import re
from pathlib import Path
from typing import Any

import pytest

from tocsin import config
from tocsin.errors import SettingsError

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
ROWS = {
    cells[1].strip(" `"): cells
    for cells in (re.split(r"(?<!\\)\|", line) for line in PAGE.splitlines())
    if len(cells) > 3
}


def keys(schema: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401 (JSON)
    """Every key of the schema by its path, with what the schema says of it."""
    found: dict[str, Any] = {}
    for key, one in schema.get("properties", {}).items():
        here = f"{path}.{key}" if path else key
        below = keys(one.get("items", one), f"{here}[]" if "items" in one else here)
        found |= {here: one} | below
    return found


KEYS = keys(config.schema())
LEAVES = {
    path: one for path, one in KEYS.items() if not any(other.startswith((f"{path}.", f"{path}[]")) for other in KEYS)
}


@pytest.mark.parametrize("path", LEAVES)
def test_every_key_has_its_row(path: str) -> None:
    assert path in ROWS


def test_every_part_at_the_top_has_its_row() -> None:
    assert all(path in ROWS for path in KEYS if "." not in path and "[" not in path)


def test_no_row_names_a_key_that_is_not_there() -> None:
    documented = {path for path in ROWS if re.fullmatch(r"[a-z_]+(\[\])?\.[a-z_.0-9]+", path)}
    assert documented == {path for path in LEAVES if "." in path}


def written(default: object) -> str:
    return {"True": "true", "1w": "7d"}.get(str(default), str(default))


@pytest.mark.parametrize("path", [path for path, one in LEAVES.items() if "default" in one])
def test_every_default_is_the_true_one(path: str) -> None:
    assert ROWS[path][3].split(";")[0].strip(" `") == written(LEAVES[path]["default"])


def test_required_keys_are_called_required() -> None:
    required = {
        "sources[].file.path",
        "rules[].name",
        "rules[].prefix",
        "receivers[].email.server",
        "receivers[].email.to",
    }
    assert {path for path in LEAVES if ROWS[path][3].strip().startswith("required")} == required


def test_the_example_has_every_key_and_loads(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    (tmp_path / "localtime").write_bytes(Path("/usr/share/zoneinfo/UTC").read_bytes())
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    text = found[1].replace("/secrets", str(tmp_path)).replace("/etc/localtime", f"{tmp_path}/localtime")
    (tmp_path / "tocsin.yaml").write_text(text)
    loaded = config.load(str(tmp_path / "tocsin.yaml"), {})
    assert {re.sub(r"\[\d+\]", "[]", path) for path, origin in loaded.origins.items() if origin != "default"} == set(
        LEAVES
    )


def test_the_message_on_the_page_is_the_one_that_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text("\n" * 11 + "rules:\n  - name: tftp\n    treshold: 1\n")
    with pytest.raises(SettingsError) as raised:
        config.load(str(file), {})
    assert str(raised.value).replace(str(file), "/etc/tocsin/tocsin.yaml") in PAGE


def test_every_variable_that_is_read_is_on_the_page() -> None:
    sources = "".join(file.read_text() for file in Path(config.__file__).parent.glob("*.py"))
    read = set(re.findall(r'"((?:TOCSIN|NODE|REMOTE)_[A-Z_]+)"', sources))
    assert read == {name for name in ROWS if name.isupper()}
