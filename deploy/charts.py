"""charts.py [--check]: writes the schema of the chart's values and their table in docs/deployment.md anew.

With --check it only says which of them is stale.
"""

import json
import sys
from pathlib import Path

import chart_schema
import chart_values

ROOT = Path(__file__).resolve().parent.parent
CHART, PAGE = ROOT / "deploy/chart", ROOT / "docs/deployment.md"
BEGIN, END = "<!-- values: written by make docs -->", "<!-- end of values -->"


def schema(values: str) -> str:
    """The schema, with what values.yaml says of each value."""
    return json.dumps(chart_values.described(chart_schema.schema(), values), indent=2, ensure_ascii=False) + "\n"


def page(values: str) -> str:
    """The page with the table in its place."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{head}{BEGIN}\n\n{chart_values.table(values)}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    wanted = {CHART / "values.schema.json": schema(values), PAGE: page(values)}
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for file in stale:
            sys.stderr.write(f"{file.relative_to(ROOT)} is stale: run make docs\n")
        return int(bool(stale))
    for file in stale:
        file.write_text(wanted[file], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
