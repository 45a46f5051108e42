"""A plant file as people write it: profiles of every source completed, complaints of core and collectors by path."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import PlantError
from stanok.plantfile import plant_of

CONTROL = {"name": "cell", "path": "nsu=urn:x;M", "signals": {"ctrl.execution": "nsu=urn:x;Status"}}
COUNTER = {"name": "broker", "topic": "t/m", "profile": "json", "signals": {"ctrl.execution": False}}


def document(*sources: dict[str, Any]) -> dict[str, Any]:
    return {
        "enterprise": {"name": "Works"},
        "site": [{"name": "s", "zone": "UTC"}],
        "source": [
            {"name": "cell", "protocol": "opcua", "endpoint": "opc.tcp://127.0.0.1:4840", "security": "none"},
            {"name": "broker", "protocol": "mqtt", "host": "127.0.0.1", "client_id": "c"},
        ],
        "machine": [{"name": "s/m", "area": "a", "source": list(sources)}],
    }


def test_each_source_of_a_machine_has_its_own_mapping_and_the_signals_of_its_own_profile() -> None:
    machine = plant_of(document(CONTROL, COUNTER)).machines[0]
    control, counter = machine.feeds
    assert list(control.signals) == ["ctrl.execution"]
    assert "part.total" in counter.signals
    assert "ctrl.execution" not in counter.signals
    assert (control.mapping, counter.mapping) == ({"path": "nsu=urn:x;M"}, {"topic": "t/m", "profile": "json"})


@pytest.mark.parametrize(
    ("sources", "path"),
    [
        ((CONTROL | {"paht": "x"}, COUNTER), "machine[0].source[0].paht: "),
        ((CONTROL, COUNTER | {"topic": "t/#"}), 'machine "s/m".source "broker".topic: '),
        ((CONTROL, COUNTER | {"signals": {}}), 'machine[0].source[1].signals."ctrl.execution": '),
    ],
)
def test_what_is_wrong_with_one_source_of_a_machine_is_named_by_its_path(
    sources: tuple[dict[str, Any], ...], path: str
) -> None:
    with pytest.raises(PlantError) as caught:
        plant_of(document(*sources))
    assert [sentence for sentence in caught.value.complaints if sentence.startswith(path)], caught.value.complaints
