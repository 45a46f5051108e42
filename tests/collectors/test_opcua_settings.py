"""What a plant file may say about OPC UA, and what is complained about."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.opcua.profiles import DEFAULT_SIGNALS
from collectors.opcua.settings import Address, address_of, complaints, source_settings
from core.plant.model import Plant
from core.vocabulary import meaning, word_code
from tests.fix_opcua import PROFILE, opcua_plant

SECURED = {"certificate": "/c.der", "private_key": "/k.pem", "server_certificate": "/s.der"}


def with_settings(plant: Plant, **settings: object) -> Plant:
    """The plant with other settings of its source; None takes a key away."""
    found = {key: value for key, value in {**plant.sources[0].settings, **settings}.items() if value is not None}
    return replace(plant, sources=(replace(plant.sources[0], settings=found),))


def with_machine(**changes: object) -> Plant:
    plant = opcua_plant(1)
    # Any field may be changed.
    return replace(plant, machines=(replace(plant.machines[0], **changes),))  # type: ignore[arg-type]  # any field of a machine


def test_a_correct_plant_has_no_complaints() -> None:
    assert complaints(opcua_plant()) == []
    assert complaints(with_settings(opcua_plant(), security=None, **SECURED)) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"security": None}, 'source[0]: give certificate, private_key, server_certificate, or say security = "none"'),
        ({"security": None, **SECURED, "server_certificate": None}, "source[0]: give server_certificate, or say"),
        ({"endpoint": "http://x:1/"}, "source[0].endpoint: an endpoint looks like"),
        ({"endpoint": "opc.tcp://u:p@x:1/"}, "source[0].endpoint: no user in the endpoint"),
        ({"endpoint": None}, "source[0].endpoint: Field required"),
        ({"publishing_ms": 5000}, "source[0].publishing_ms: "),
        ({"queue": 1}, "source[0].queue: "),
        ({"pubishing_ms": 100}, "source[0].pubishing_ms: Extra inputs are not permitted"),
        ({"user": "u", "password_file": "/p"}, "source[0]: a password needs a secured connection"),
        ({"security": None, **SECURED, "user": "u"}, "source[0]: user and password_file belong together"),
    ],
)
def test_a_wrong_source_setting_is_named_by_its_path(settings: dict[str, object], expected: str) -> None:
    found = complaints(with_settings(opcua_plant(1), **settings))
    assert any(sentence.startswith(expected) for sentence in found), found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mapping": {"profile": PROFILE}}, "machine[0].path: Field required"),
        ({"mapping": {"path": "m", "profil": PROFILE}}, "machine[0].profil: Extra inputs are not permitted"),
        ({"mapping": {"path": "m", "profile": "fanuc"}}, "machine[0].profile: fanuc is not known"),
        ({"signals": {}}, "machine[0].signals: no signals"),
        ({"signals": {"part.total": "a//b"}}, "machine[0].signals.part.total.path: 'a//b' is no browse path"),
        ({"signals": {"part.total": 7}}, "machine[0].signals.part.total: "),
        (
            {"signals": {"ctrl.mode": {"path": "a", "words": {"0": "auto"}}}},
            "machine[0].signals.ctrl.mode.words: auto is no word of ctrl.mode",
        ),
    ],
)
def test_a_wrong_machine_entry_is_named_by_its_path(changes: dict[str, object], expected: str) -> None:
    found = complaints(with_machine(**changes))
    assert any(sentence.startswith(expected) for sentence in found), found


def test_an_own_path_keeps_the_words_of_the_profile() -> None:
    machine = with_machine(signals={"ctrl.mode": "Own/Mode"}).machines[0]
    found = address_of(machine, "ctrl.mode")
    assert found.path == "Own/Mode"
    assert found.words["0"] == "automatic"


@pytest.mark.parametrize("signal", sorted(DEFAULT_SIGNALS[PROFILE]))
def test_every_address_of_the_profile_can_be_read_and_uses_words_of_the_vocabulary(signal: str) -> None:
    found = DEFAULT_SIGNALS[PROFILE][signal]
    address = Address.model_validate(found if isinstance(found, dict) else {"path": found})
    known = meaning(signal)
    assert known is not None
    assert bool(address.words) == (known.words is not None)
    for word in address.words.values():
        assert known.words is not None
        assert word_code(known.words, word) is not None


def test_the_sample_file_is_correct() -> None:
    import collectors.opcua

    assert collectors.opcua.__file__ is not None
    text = (Path(collectors.opcua.__file__).parent / "sample.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    plant = opcua_plant(1)
    settings = {
        key: value for key, value in found["source"][0].items() if key not in ("name", "protocol", "lateness_s")
    }
    source = replace(plant.sources[0], settings=settings)
    entry = dict(found["machine"][0])
    signals = DEFAULT_SIGNALS[entry["profile"]] | entry.pop("signals")
    mapping = {key: entry[key] for key in ("path", "profile")}
    machine = replace(plant.machines[0], signals=signals, mapping=mapping)
    assert complaints(replace(plant, sources=(source,), machines=(machine,))) == []
    assert source_settings(source).security == "Basic256Sha256"
