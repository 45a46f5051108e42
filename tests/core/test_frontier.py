"""When a source counts as silent."""

from __future__ import annotations

import pytest

from core.engine.frontier import silence_us
from core.plant.model import Source
from core.units import SECOND_US


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, 9),
        ({"silence_s": 30.0}, 30),
        ({"liveness": "birth", "silence_s": 4}, 4),
        ({"liveness": "interval", "max_interval_s": 5.0}, 15),
    ],
)
def test_a_source_is_silent_after_what_it_declares(settings: dict[str, object], seconds: int) -> None:
    source = Source(name="src", protocol="mqtt", lateness_us=0, settings=settings)
    assert silence_us(source) == seconds * SECOND_US
