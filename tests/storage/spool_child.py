"""A process that writes a spool until it is killed, and prints each receipt. Started by test_spool.py.

Each line is `source number record`: the row with payload `source:number` was promised to be stored as `record`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from core.samples.records import RowKind, SpoolRow
from storage.spool import SpoolWriter


async def _write(spool: SpoolWriter, source: str) -> None:
    number = int(spool.source_state(source) or b"0")
    while True:
        number += 1
        text = str(number).encode()
        row = SpoolRow(RowKind.SAMPLES, source, b"plant", number, source.encode() + b":" + text)
        record = await spool.append([row], {source: text})
        print(source, number, record, flush=True)


async def _main(path: Path) -> None:
    # Small groups, so that kills fall between, before and inside many commits.
    spool = SpoolWriter(path, group_ms=1)
    await asyncio.gather(*(_write(spool, source) for source in ("a", "b", "c")))


asyncio.run(_main(Path(sys.argv[1])))
