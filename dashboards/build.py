"""Boards to files: stable JSON in json/<language>/<board>.json, the same input to the same bytes.

Built files are committed and are what Grafana gets, by provisioning or by `dashboards.publish`.
Building needs the extra `boards`; reading built boards needs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from core.errors import InputError
from dashboards.boards import BOARDS
from dashboards.catalogue import LANGUAGES

BUILT = Path(__file__).parent / "json"


def built_boards() -> Iterator[tuple[Path, str]]:
    """Path below the target folder and content of every board in every language.

    Raises InputError if the extra `boards` is not installed.
    """
    try:
        from grafana_foundation_sdk.cog.encoder import JSONEncoder

    except ImportError as missing:
        raise InputError(
            f"Boards cannot be built without {missing.name}; run: pip install 'stanok[boards]'"
        ) from missing
    for language in LANGUAGES:
        for name in BOARDS:
            built = import_module(f"dashboards.boards.{name}").build(language)
            text = json.dumps(built, cls=JSONEncoder, ensure_ascii=False, indent=1, sort_keys=True)
            yield Path(language) / f"{name}.json", text + "\n"


def write_boards(folder: Path = BUILT) -> list[Path]:
    """Write every built board below `folder` and return the files."""
    written = []
    for name, text in built_boards():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
