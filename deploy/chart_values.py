"""The comments of deploy/chart/values.yaml -> a row for each value: its path, its default, what it means."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml


class Value(NamedTuple):
    """One value that a comment stands above."""

    path: str
    default: object
    meaning: str


def values(text: str) -> list[Value]:
    """The values of a file in its order."""
    root = yaml.compose(text, yaml.SafeLoader)
    return list(_below(root, text.splitlines(), yaml.safe_load(text), ""))


def _below(node: Any, lines: list[str], defaults: Any, above: str) -> Iterator[Value]:  # noqa: ANN401 (YAML)
    for key, value in node.value:
        path = f"{above}.{key.value}" if above else key.value
        default = defaults[key.value]
        meaning = _comment(lines, key.start_mark.line)
        if meaning:
            yield Value(path, default, meaning)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _below(value, lines, default, path)
        else:
            raise ValueError(f"values.yaml: {path}: no comment stands above it")


def _comment(lines: list[str], line: int) -> str:
    """The comment that ends right above a line, at the same depth."""
    depth = len(lines[line]) - len(lines[line].lstrip())
    start = line
    while start and lines[start - 1].startswith(" " * depth + "#"):
        start -= 1
    return " ".join(one.strip().removeprefix("#").strip() for one in lines[start:line])


def table(text: str) -> str:
    """The values as a table of a Markdown page."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    rows += [f"| `{one.path}` | {_shown(one.default)} | {one.meaning} |" for one in values(text)]
    return "\n".join(rows) + "\n"


def described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """The schema with each value's meaning and default in its place. Raises KeyError for one that it lacks."""
    for one in values(text):
        keys = one.path.split(".")
        place = schema
        for key in keys[:-1]:
            place = place["properties"][key]
        place["properties"] = {
            name: {"description": one.meaning} | known | {"default": one.default} if name == keys[-1] else known
            for name, known in place["properties"].items()
        }
        if keys[-1] not in place["properties"]:
            raise KeyError(one.path)
    return schema


def _shown(default: object) -> str:
    if default in ("", [], {}):
        return ""
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"
