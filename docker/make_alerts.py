"""`python docker/make_alerts.py`: grafana/provisioning/alerting/stanok.yaml from dashboards/alerts.py.

JSON is YAML, so the file needs no library to be written and is read by Grafana as it is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
FILE = HERE / "grafana/provisioning/alerting/stanok.yaml"
sys.path.insert(0, str(HERE.parent))


def alerts() -> str:
    """The content of the file."""
    from dashboards.alerts import provisioned

    text = json.dumps(provisioned(), ensure_ascii=False, indent=1)
    return f"# Made by `python docker/make_alerts.py` from dashboards/alerts.py; limits are changed there.\n{text}\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(alerts(), encoding="utf-8")
