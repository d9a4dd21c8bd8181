"""Real lines, each with what it must become. A line that expected.yaml does not name holds no rule's prefix."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin.model import Batch, Event, Rule
from tocsin.parse import Parser, Verdict

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/input.log"))


def read(case: Path, expected: dict[str, Any]) -> tuple[list[Event], list[Verdict]]:
    lines = bytearray((case / "input.log").read_bytes())
    written = expected["written"]
    rules = [Rule("rule", tuple(expected["prefixes"]))]
    batch = Batch("syslog", "input.log", 0, lines, 0, len(lines), written)
    parser = Parser(rules)
    return [*parser.events(batch, written), *parser.flush()], list(Parser(rules).verdicts(batch, written))


def plain(line: int, event: Event) -> dict[str, Any]:
    ports = {"spt": event.spt.decode(), "dpt": event.dpt.decode(), "mac": event.mac.decode()}
    return {"line": line, "time": event.time, "src": event.src, "packets": event.packets, **ports}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_lines_become_what_stands_beside_them(case: Path) -> None:
    expected = yaml.safe_load((case / "expected.yaml").read_text())
    events, verdicts = read(case, expected)
    found = list(enumerate(verdicts, 1))
    assert events == [verdict.event for verdict in verdicts if verdict.event]
    assert [plain(line, verdict.event) for line, verdict in found if verdict.event] == expected["events"]
    ignored = {line: verdict.why for line, verdict in found if verdict.why != "no rule's prefix" and not verdict.event}
    assert ignored == expected["ignored"]


def test_the_corpus_is_there() -> None:
    assert len(CASES) > 20
