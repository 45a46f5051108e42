"""State colours stay apart for people with any kind of colour blindness."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.vocabulary import State
from dashboards.palette import STATE_COLOURS

SEVERITY_1 = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Linear RGB matrices of Machado, Oliveira and Fernandes (2009), severity 1.0."""

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratio = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_every_state_has_its_own_colour() -> None:
    assert set(STATE_COLOURS) == set(State)
    assert len(set(STATE_COLOURS.values())) == len(State)


@pytest.mark.parametrize("kind", ["normal", *SEVERITY_1])
def test_states_can_be_told_apart(kind: str) -> None:
    matrix = np.array(SEVERITY_1[kind]) if kind in SEVERITY_1 else np.eye(3)
    seen = {state: lab(matrix @ linear(colour)) for state, colour in STATE_COLOURS.items()}
    distances = {
        (one.name, other.name): float(np.linalg.norm(seen[one] - seen[other]))
        for one, other in itertools.combinations(State, 2)
    }
    assert min(distances.values()) > 15, min(distances.items(), key=lambda item: item[1])
