"""Where compiled code is kept, and for how long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DAY_S = 86_400


def start(home: Path, now_s: float) -> Path:
    """The cache that a new process of this program chooses at `now_s`."""
    program = (
        "import os, sys; from pathlib import Path; from stanok.compiled import keep_compiled_code;"
        "keep_compiled_code(Path(sys.argv[1]), float(sys.argv[2])); print(os.environ['NUMBA_CACHE_DIR'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", program, str(home), str(now_s)]
    return Path(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip())


def test_what_no_start_has_used_for_ninety_days_is_removed_and_nothing_else(tmp_path: Path) -> None:
    older = tmp_path / "compiled-0123-3.11"
    older.mkdir()
    (older / "fold.nbi").write_bytes(b"code")
    foreign = tmp_path / "compiled.txt"
    foreign.write_text("not ours")
    began_s = older.stat().st_mtime
    own = start(tmp_path, began_s + 89 * DAY_S)
    assert older.is_dir()
    assert start(tmp_path, began_s + 91 * DAY_S) == own
    assert (older.exists(), own.is_dir(), foreign.exists()) == (False, True, True)


def test_a_cache_in_use_stays_however_old_its_code_is(tmp_path: Path) -> None:
    own = start(tmp_path, 0.0)
    for day in (80, 160, 240):
        assert start(tmp_path, day * DAY_S) == own
