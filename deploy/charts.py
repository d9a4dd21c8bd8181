"""charts.py [--check]: writes the schema of the chart's values and their table in docs/deployment.md anew.

With --check it only says which of them is stale.
"""

import json
import sys
from pathlib import Path

import chart_schema
import chart_values
import fresh

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
    return fresh.write(wanted, "docs", check="--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
