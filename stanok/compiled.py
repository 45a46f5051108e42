"""Where compiled code is kept. Must run before anything imports numba."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from core.engine.version import source_hash

_FLAGS = ("NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT", "NUMBA_OPT", "NUMBA_CPU_NAME")
"""Settings of numba that change the code and that its own cache does not look at."""


_UNUSED_S = 90 * 86_400
"""What no start has used for so long is an older program's (some 10 MB each), and no long-running process's either."""


def keep_compiled_code(directory: Path | None = None, now: float | None = None) -> None:
    """Point numba at a private cache named after this code; a cache is code, so nobody else may write to it.

    Caches beside it that no start has used for 90 days before `now` (s since 1970) are removed.
    """
    if "numba" in sys.modules or "NUMBA_CACHE_DIR" in os.environ:
        return
    flags = "".join(f"-{name.removeprefix('NUMBA_')}={os.environ[name]}" for name in _FLAGS if name in os.environ)
    home = directory or _writable_home()
    cache = home / f"compiled-{source_hash()}-{sys.version_info[0]}.{sys.version_info[1]}{flags}"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    if cache.stat().st_uid == os.getuid():
        os.environ["NUMBA_CACHE_DIR"] = str(cache)
        now = time.time() if now is None else now
        os.utime(cache, (now, now))
        _remove_unused(home, now - _UNUSED_S)


def _remove_unused(home: Path, before: float) -> None:
    for cache in home.glob("compiled-*"):
        with suppress(OSError):  # another start removes it at the same time, or it is somebody else's
            if cache.stat().st_mtime < before:
                shutil.rmtree(cache)


def _writable_home() -> Path:
    """The user's cache directory, or a private temporary one."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        (home / "stanok").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="stanok-"))
    return home / "stanok"
