"""The accuracy bench finds the truth where nothing is lost, holds it in the band elsewhere, and sees errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.vocabulary import TimeClass
from stanok.bench import accuracy
from stanok.bench.accuracy import Verdict, judge, total
from stanok.bench.accuracy_band import Width
from stanok.bench.accuracy_table import BEGIN, END, kept, text
from stanok.bench.path import over_mqtt
from stanok.bench.report import Figure

DEMO = str(Path(__file__).parents[2] / "simulators/plants/demo.scenario.toml")
HOURS = 11
"""Until the first whole shift of both sites is over."""


def outcome(dsn: str, faults: str) -> Verdict:
    verdict = judge(dsn, DEMO, HOURS, faults, 5, ["minsk/lathe-1", "ural/lathe-3"], direct=True)
    print(verdict)
    assert verdict.machine_days == 2 * HOURS / 24
    assert verdict.shifts == 2
    assert verdict.parts_true > 100
    return verdict


@pytest.mark.timeout(300)
def test_without_faults_every_class_is_the_truth_and_every_part_is_counted(embedded_server: str) -> None:
    found = outcome(embedded_server, "none")
    assert max(found.class_error.values()) == 0.0
    assert max(found.kpi_error.values()) < 1e-4
    assert (found.parts_wrong, found.outside, found.unknown_us, found.width) == (0, [], 0, 0.0)


@pytest.mark.timeout(300)
def test_with_losses_the_truth_is_in_the_band_and_unknown_is_about_what_was_cut(embedded_server: str) -> None:
    found = outcome(embedded_server, "losses")
    assert max(found.class_error.values()) == 0.0
    assert found.outside == []
    assert found.unknown_us >= found.cut_us > 0
    assert found.rejected > 0
    assert found.width > 0.0


@pytest.mark.timeout(300)
def test_over_real_servers_nothing_is_lost_and_a_broken_connection_is_unknown_and_no_more(embedded_server: str) -> None:
    found = judge(embedded_server, DEMO, 2, "cut", 5, ["minsk/lathe-1", "ural/lathe-3"])
    print(found)
    assert found.broker in ("mosquitto", "amqtt")
    assert found.parts_true > 20
    assert max(found.class_error.values()) == 0.0
    assert found.unknown_us >= found.cut_us > 0


@pytest.mark.timeout(300)
def test_parts_that_no_reading_shows_are_seen_to_be_missing_and_named(embedded_server: str) -> None:
    found = judge(embedded_server, DEMO, 3, "counters", 5, ["ural/lathe-3"], direct=True)
    assert found.parts_wrong > 0
    assert [line.partition(":")[0] for line in found.wrong] == ["ural/lathe-3"]
    assert found.machine_days == 3 / 24


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", ["clock", "jump", "flap"])
def test_a_wrong_clock_moves_everything_with_it_and_bounces_cost_next_to_nothing(
    embedded_server: str, faults: str
) -> None:
    found = judge(embedded_server, DEMO, 4, faults, 5, ["ural/lathe-3"], direct=True)
    print(found)
    assert found.parts_true > 50
    assert found.parts_wrong == 0
    assert max(found.class_error.values()) < 0.1
    assert found.class_error["apt"] == 0.0 or faults != "clock"
    assert found.class_error["apt"] > 0.0 or faults == "clock"


def test_a_machine_that_the_scenario_does_not_have_is_named(embedded_server: str) -> None:
    with pytest.raises(InputError, match="--machine: the plant has no ural/lathe-9"):
        judge(embedded_server, DEMO, 1, "none", 1, ["ural/lathe-9"])


def test_a_class_is_wrong_by_what_unknown_time_cannot_explain() -> None:
    def wrong(kind: str, measured: dict[str, int], true: dict[str, int], exact: bool = False) -> int:
        both = [{**dict.fromkeys(TimeClass, 0), **{TimeClass[k]: v for k, v in d.items()}} for d in (measured, true)]
        return accuracy._wrong_us(TimeClass[kind], both[0], both[1], exact)

    assert wrong("APT", {"APT": 90, "UNKNOWN": 10}, {"APT": 100}) == 0
    assert wrong("APT", {"APT": 85, "UNKNOWN": 10}, {"APT": 100}) == 5
    assert wrong("APT", {"APT": 101, "UNKNOWN": 10}, {"APT": 100}) == 1
    assert wrong("APT", {"APT": 90, "UNKNOWN": 10}, {"APT": 90, "UNKNOWN": 10}) == 0
    assert wrong("APT", {"APT": 90, "UNKNOWN": 10}, {"APT": 95, "UNKNOWN": 10}) == 5, "the machine was off itself"
    assert wrong("APT_OUT", {"UNKNOWN": 10}, {"APT_OUT": 5}) == 5, "unknown time of another kind explains nothing"
    assert wrong("UNKNOWN", {"UNKNOWN": 10}, {}) == 0
    assert wrong("UNKNOWN", {"UNKNOWN": 10}, {}, exact=True) == 10


def test_a_truth_outside_its_band_is_told_with_machine_shift_and_figure() -> None:
    found = Verdict("cut", 1)
    band = {"measured": 0.5, "true": 0.61, "low": 0.4, "high": 0.6}
    fine = {"measured": None, "true": 0.5, "low": None, "high": None}
    figures = dict.fromkeys(accuracy.KPIS, fine)
    accuracy._compare_shift(found, {**figures, "oee": band}, "a/m shift 1")
    assert found.outside == ["a/m shift 1: oee 0.61 is not in 0.4 to 0.6"]
    assert found.kpi_error == {"oee": pytest.approx(11.0)}


def test_a_band_wider_than_what_was_lost_explains_is_told_by_availability_and_oee() -> None:
    found = Verdict("cut", 1)
    bands = {"availability": {"low": 0.5, "high": 0.6}, "oee": {"low": 0.4, "high": 0.52}}
    accuracy._compare_width(found, bands, Width(0.1, 0.1), "a/m shift 1")
    assert found.wider == ["a/m shift 1: oee has a band of 0.120000, 0.100000 is explained"]
    assert found.excess == {"availability": pytest.approx(0.0), "oee": pytest.approx(2.0)}


def test_all_sets_together_are_the_greatest_errors_and_the_sums() -> None:
    one, other = Verdict("none", 1, 40.0, 70, {"apt": 0.5}), Verdict("cut", 2, 40.0, 70, {"apt": 0.1, "aust": 0.2})
    one.parts_wrong, other.outside = 2, ["x"]
    found = total([one, other])
    assert (found.machine_days, found.shifts, found.parts_wrong, found.outside) == (80.0, 140, 2, ["x"])
    assert found.class_error == {"apt": 0.5, "aust": 0.2}


def test_an_unknown_set_is_a_mistake_of_its_author() -> None:
    with pytest.raises(InputError, match="none, recoverable"):
        judge("", DEMO, 1, "gremlins", 1)


def figures() -> list[Figure]:
    verdict = Verdict("cut", 4, 40.0, 70, {"apt": 0.25}, {"oee": 1.0}, 1000, 3, ["a/m: 5 parts"], ["x"])
    verdict.width, verdict.excess = 140.0, {"oee": 0.5, "availability": -0.25}
    return list(accuracy._figures(verdict, "zones", 24))


def test_figures_carry_the_agreed_names_and_what_replays_them() -> None:
    found = {figure.name: figure for figure in figures()}
    assert list(found) == ["class_error_max", "parts_wrong", "outside_band", "band_excess_max", "machine_days"]
    assert [figure.value for figure in found.values()] == [0.25, 3, 1, 0.5, 40.0]
    for figure in found.values():
        assert (figure.bench, figure.conditions["faults"], figure.conditions["seed"]) == ("accuracy", "cut", 4)
    assert "not in the path" in found["machine_days"].conditions


def test_the_table_takes_the_place_of_the_old_one_in_both_languages(tmp_path: Path) -> None:
    for language in ("en", "ru"):
        (tmp_path / language).mkdir()
        (tmp_path / language / "accuracy.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert list(kept(figures(), tmp_path)) == figures()
    english, russian = ((tmp_path / language / "accuracy.md").read_text() for language in ("en", "ru"))
    assert "| `cut` | 4 | 40 | 70 | 0.250000 | 1000 | 3 | 1 | 1.000 | 2.000 | 0.500 | 0.000 | 0.000 |" in english
    assert "| `cut` | 4 | 40 | 70 | 0,250000 | 1000 | 3 | 1 | 1,000 | 2,000 | 0,500 | 0,000 | 0,000 |" in russian
    assert english.startswith("before\n")
    assert english.endswith("after\n")
    assert "old" not in english
    (tmp_path / "en/accuracy.md").write_text("no place")
    with pytest.raises(InputError, match="no place for the table"):
        list(kept(figures(), tmp_path))


def test_machines_behind_opc_ua_show_the_same_over_mqtt() -> None:
    plant = {
        "source": [{"name": "a", "protocol": "opcua"}, {"name": "b", "protocol": "mqtt"}],
        "machine": [
            {"name": "s/m", "source": "a", "path": "x", "profile": "opc-40501-1"},
            {"name": "s/n", "source": "b"},
        ],
    }
    found = over_mqtt(plant)
    assert [source["protocol"] for source in found["source"]] == ["mqtt", "mqtt"]
    assert found["machine"][0]["topic"] == "stanok/s/m"
    assert "path" not in found["machine"][0]
    assert found["machine"][1] == plant["machine"][1]
    assert text(figures(), "en").count("\n") == 4
