"""SampleBatch: samples as immutable columns, as they leave a decoder and travel to the fold.

Invariants: all columns have the same length; `event_us` and `received_us` are UTC microseconds;
`machine` and `signal` are indices into the plant whose hash the spool row carries; `text` indexes `texts` or is -1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

COLUMNS: tuple[tuple[str, str], ...] = (
    ("event_us", "<i8"),
    ("machine", "<i4"),
    ("signal", "<i2"),
    ("value", "<f8"),
    ("raw", "<i4"),
    ("text", "<i4"),
    ("quality", "u1"),
    ("flags", "<u2"),
    ("seq", "<i8"),
    ("received_us", "<i8"),
)
"""Name and type of each column, in the order of their bytes."""


@dataclass(frozen=True)
class SampleBatch:
    """Samples as columns; see the module's invariants. Build one with `BatchBuilder` or `SampleBatch.of`."""

    event_us: NDArray[np.int64]
    machine: NDArray[np.int32]
    signal: NDArray[np.int16]
    value: NDArray[np.float64]
    raw: NDArray[np.int32]
    text: NDArray[np.int32]
    quality: NDArray[np.uint8]
    flags: NDArray[np.uint16]
    seq: NDArray[np.int64]
    received_us: NDArray[np.int64]
    texts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.event_us)

    @classmethod
    def of(cls, columns: dict[str, NDArray[np.generic]], texts: Sequence[str] = ()) -> SampleBatch:
        """A batch from a mapping of column name to array; missing or uneven columns are a defect of the caller."""
        arrays = {name: np.ascontiguousarray(columns[name], dtype=kind) for name, kind in COLUMNS}
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")
        for array in arrays.values():
            array.setflags(write=False)
        return cls(**arrays, texts=tuple(texts))

    @classmethod
    def empty(cls) -> SampleBatch:
        """A batch without samples."""
        return cls.of({name: np.empty(0, kind) for name, kind in COLUMNS})

    @classmethod
    def concat(cls, batches: Iterable[SampleBatch]) -> SampleBatch:
        """All samples of several batches, one after the other; text indices are moved to one dictionary."""
        parts = [batch for batch in batches if len(batch)]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        texts: dict[str, int] = {}
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name, _ in COLUMNS if name != "text"
        }
        columns["text"] = np.concatenate([part._texts_moved_to(texts) for part in parts])
        return cls.of(columns, tuple(texts))

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> SampleBatch:
        """The samples at the given positions or under the given mask, in that order."""
        return SampleBatch.of({name: getattr(self, name)[which] for name, _ in COLUMNS}, self.texts)

    def _texts_moved_to(self, texts: dict[str, int]) -> NDArray[np.int32]:
        moved = np.array([texts.setdefault(text, len(texts)) for text in self.texts] + [-1], dtype="<i4")
        return moved[self.text]


@dataclass
class BatchBuilder:
    """Collects samples one at a time into columns. Not thread-safe."""

    rows: list[tuple[int, int, int, float, int, int, int, int, int, int]] = field(default_factory=list)
    texts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def add(
        self,
        *,
        machine: int,
        signal: int,
        event_us: int,
        received_us: int,
        value: float = float("nan"),
        text: str | None = None,
        raw: int = -1,
        quality: int = 0,
        flags: int = 0,
        seq: int = -1,
    ) -> None:
        """Append one sample; `value` stays NaN for a text."""
        index = -1 if text is None else self.texts.setdefault(text, len(self.texts))
        self.rows.append((event_us, machine, signal, value, raw, index, quality, flags, seq, received_us))

    def mark(self, since: int, flag: int) -> None:
        """Add a flag to the samples from a position on."""
        self.rows[since:] = [
            (at, machine, signal, value, raw, text, quality, flags | flag, seq, received)
            for at, machine, signal, value, raw, text, quality, flags, seq, received in self.rows[since:]
        ]

    def build(self) -> SampleBatch:
        """The batch so far; the builder is empty afterwards."""
        rows, texts = self.rows, self.texts
        self.rows, self.texts = [], {}
        if not rows:
            return SampleBatch.empty()
        columns = dict(zip((name for name, _ in COLUMNS), map(np.array, zip(*rows, strict=True)), strict=True))
        return SampleBatch.of(columns, tuple(texts))
