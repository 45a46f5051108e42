"""The name of this very code, for the cache of compiled code. Must not import numba."""

from __future__ import annotations

import hashlib
from pathlib import Path


def source_hash(root: Path = Path(__file__).parents[1]) -> str:
    """A short hash over all sources of a room, core if none is named; the same code has the same name."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
