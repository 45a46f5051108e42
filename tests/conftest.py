"""What every test shares: our own rooms and nobody else's, compiled code of this very source, honest skips."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import core  # noqa: E402  (the path above decides which one)
from stanok.compiled import keep_compiled_code  # noqa: E402

keep_compiled_code()

assert core.__file__ is not None
assert Path(core.__file__).parent == ROOT / "core", f"core is imported from {core.__file__}"

pytest_plugins = ["tests.fix_honest", "tests.fix_postgres", "tests.fix_broker", "tests.fix_opcua", "tests.fix_history"]
