"""Everything wrong in a plant file is told at once, each by its path; profiles are completed, own entries win."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from collectors.mqtt import settings as mqtt_settings
from collectors.mqtt.profiles import DEFAULT_SIGNALS
from collectors.mqtt.settings import complaints
from collectors.profiles import expand
from tests.collectors.mqtt_bench import make_plant

SAMPLE = Path(mqtt_settings.__file__).with_name("sample.toml")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"port": "1883"}, 'source "src".port: '),
        ({"port": 70000}, 'source "src".port: '),
        ({"hots": "x"}, 'source "src".hots: is not a known key'),
        ({"client_id": ""}, 'source "src".client_id: '),
        ({"mqtt_version": "4"}, 'source "src".mqtt_version: '),
        ({"liveness": "interval"}, 'source "src": liveness "interval" needs max_interval_s'),
        (
            {"liveness": "interval", "max_interval_s": 3.0, "silence_s": 20.0},
            'source "src": with liveness "interval" silence is three of max_interval_s, not silence_s',
        ),
        ({"password_file": "/no/such"}, 'source "src": password_file needs user'),
        ({"tls": {"ca": "/no/such"}}, 'source "src".tls: the file of ca'),
        ({"password": "secret"}, 'source "src".password: is not a known key'),
    ],
)
def test_a_wrong_key_of_a_source_is_named_by_its_path(wrong: dict[str, Any], path: str) -> None:
    (complaint,) = complaints(make_plant(**wrong))
    assert complaint.startswith(path)


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"signals": {}}, 'machine "x".topic: '),
        ({"topic": "a/#", "signals": {}}, 'machine "x".topic: must name one topic'),
        ({"topic": "a", "profile": "yaml"}, 'machine "x".profile: '),
        ({"topic": "a", "speed": 1}, 'machine "x".speed: is not a known key'),
        ({"topic": "a", "time": {"path": "t", "unit": "h"}}, 'machine "x".time.unit: '),
        ({"topic": "a", "profile": "json", "seq": {"path": "n"}}, 'machine "x": profile "json" has time and seq'),
        ({"topic": "a", "signals": {"part.total": {"paht": "n"}}}, 'machine "x".signals.part.total.paht: is not a'),
        ({"topic": "a", "signals": {"part.total": {"topic": "b"}}}, 'machine "x".signals.part.total: needs a path'),
        ({"topic": "a", "signals": {"part.total": 3}}, 'machine "x".signals.part.total: '),
        (
            {"topic": "a", "signals": {"ctrl.mode": {"path": "m", "words": {"A": "auto"}}}},
            "machine \"x\".signals.ctrl.mode.words.A: 'auto' is not one of automatic, ",
        ),
        (
            {"topic": "a", "signals": {"ctrl.estop": {"path": "m", "words": {"A": "on"}}}},
            "machine \"x\".signals.ctrl.estop.words.A: 'on' is neither true nor false",
        ),
        (
            {"topic": "a", "signals": {"part.total": {"path": "m", "words": {"A": "1"}}}},
            'machine "x".signals.part.total.words: a signal of kind counter has no words',
        ),
    ],
)
def test_a_wrong_key_of_a_machine_is_named_by_its_path(section: dict[str, Any], path: str) -> None:
    (complaint,) = complaints(make_plant(machines=0, own=[{"name": "x", **section}]))
    assert complaint.startswith(path)


def test_all_complaints_come_at_once_and_a_right_plant_has_none() -> None:
    assert complaints(make_plant()) == []
    assert len(complaints(make_plant(own=[{"name": "x"}], port=-1, keepalive_s=0))) == 3


def test_two_machines_at_one_topic_are_refused() -> None:
    own = [{"name": name, "profile": "json", "topic": "same"} for name in ("x", "y")]
    (complaint,) = complaints(make_plant(machines=0, own=own))
    assert complaint.startswith('machine "y".topic: machine "x" has the same')


def test_the_sample_file_is_right() -> None:
    document = expand(tomllib.loads(SAMPLE.read_text()))
    for found in document["source"]:
        source = {key: value for key, value in found.items() if key not in ("name", "protocol", "lateness_s")}
        sections = [
            {key: value for key, value in machine.items() if key not in ("title", "area", "source")}
            for machine in document["machine"]
            if machine["source"] == found["name"]
        ]
        assert sections
        assert complaints(make_plant(machines=0, own=sections, **source)) == []


def test_a_profile_gives_default_signals_own_entries_win_and_false_removes() -> None:
    own = {"tool.id": False, "part.total": {"name": "Parts"}, "part.good": {"name": "Good"}}
    machine = {"name": "m", "source": "s", "profile": "json", "topic": "t", "signals": own}
    document = {"source": [{"name": "s", "protocol": "mqtt"}], "machine": [machine]}
    signals = expand(document)["machine"][0]["signals"]
    assert signals.keys() == DEFAULT_SIGNALS["json"].keys() - {"tool.id"} | {"part.good"}
    assert signals["part.total"] == {"name": "Parts"}
    assert machine["signals"] is own


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"machine": 3},
        {"machine": [3]},
        {"machine": [{"source": "s", "profile": "json"}]},
        {"source": [{"name": "s", "protocol": "mqtt"}], "machine": [{"source": "s", "profile": ["json"]}]},
        {"source": [{"name": "s", "protocol": "mqtt"}], "machine": [{"source": "s", "profile": "json", "signals": 3}]},
        {"source": [{"name": "s", "protocol": "fax"}], "machine": [{"source": "s", "profile": "json"}]},
    ],
)
def test_what_expand_does_not_understand_it_leaves_to_the_checks(document: dict[str, Any]) -> None:
    assert expand(document) == document
