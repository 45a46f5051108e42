"""Positions in a plant's arrays, as the engine counts, and ids of the database, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.plant.model import Machine, Plant
from core.plant.tables import WITNESSES
from core.vocabulary import meaning

Ids = NDArray[np.int64]

NOWHERE = -1
"""Position of an id that the plant does not have."""


@dataclass(frozen=True)
class Positions:
    """Ids by position: of machines, of the source that tells the state of each, of signals with their raw table, of
    sites."""

    machine: Ids
    machine_source: Ids
    signal: Ids
    signal_store: NDArray[np.uint8]
    site: Ids


def positions_of(plant: Plant) -> Positions:
    """The ids of a plant."""
    return Positions(
        machine=np.array([machine.id for machine in plant.machines], np.int64),
        machine_source=np.array([plant.sources[_teller(machine)].id for machine in plant.machines], np.int64),
        signal=np.array([signal.id for signal in plant.signals], np.int64),
        signal_store=np.array([signal.meaning.store for signal in plant.signals], np.uint8),
        site=np.array([site.id for site in plant.sites], np.int64),
    )


def _teller(machine: Machine) -> int:
    """The first source that says what the machine does; the first one, if none does."""
    for feed in machine.feeds:
        if any(found is not None and found.role in WITNESSES for found in map(meaning, feed.signals)):
            return feed.source
    return machine.source


def find(ids: Ids, wanted: Ids | Sequence[int]) -> NDArray[np.int64]:
    """The position of each wanted id in `ids`, or NOWHERE."""
    sought = np.asarray(wanted, np.int64)
    if not len(ids):
        return np.full(len(sought), NOWHERE, np.int64)
    order = np.argsort(ids)
    found = order[np.minimum(np.searchsorted(ids, sought, sorter=order), len(ids) - 1)]
    return np.where(ids[found] == sought, found, NOWHERE).astype(np.int64)
