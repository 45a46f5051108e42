"""`python -m tests.dashboards.make_schemas`: JSON schemas of boards and panels from Grafana's own types, made anew.

Needs npm. The package `@grafana/schema` has the types (Apache-2.0), `ts-json-schema-generator` makes schemas of them.
What a schema requires is dropped: Grafana fills in what a board leaves out. Words of description are dropped for size.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

GRAFANA = "13.2.3"
MADE = Path(__file__).with_name("schemas.json")
_PANELS = {
    "table": "table",
    "stat": "stat",
    "bargauge": "bargauge",
    "state-timeline": "statetimeline",
    "timeseries": "timeseries",
    "barchart": "barchart",
}
_WITH_FIELDS = ("state-timeline", "timeseries", "barchart")
"""Panels that have settings of their own for each column."""


def main() -> None:
    """Install, generate, write MADE."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        packages = [f"@grafana/schema@{GRAFANA}", "ts-json-schema-generator@2", "typescript@5"]
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=place, check=True)
        settings = {"compilerOptions": {"skipLibCheck": True, "moduleResolution": "node", "strict": True}, "files": []}
        (place / "tsconfig.json").write_text(json.dumps(settings))
        found = {"dashboard": generate(place, "raw/dashboard", "Dashboard")}
        for panel, folder in _PANELS.items():
            found[f"{panel} options"] = generate(place, f"raw/composable/{folder}/panelcfg", "Options")
        for panel in _WITH_FIELDS:
            found[f"{panel} field"] = generate(place, f"raw/composable/{_PANELS[panel]}/panelcfg", "FieldConfig")
    MADE.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")


def generate(place: Path, folder: str, kind: str) -> Any:
    """The schema of one type."""
    types = f"node_modules/@grafana/schema/dist/types/{folder}/x/types.gen.d.ts"
    command = ["npx", "ts-json-schema-generator", "--tsconfig", "tsconfig.json", "--no-type-check"]
    made = subprocess.run([*command, "--path", types, "--type", kind], cwd=place, check=True, capture_output=True)
    return lenient(json.loads(made.stdout))


def lenient(schema: Any) -> Any:
    """A schema without what it requires and without descriptions; a property of that name stays."""
    if isinstance(schema, list):
        return [lenient(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: value for key, value in schema.items() if key not in ("required", "description") or isinstance(value, dict)
    }
    return {key: lenient(value) for key, value in kept.items()}


if __name__ == "__main__":
    main()
