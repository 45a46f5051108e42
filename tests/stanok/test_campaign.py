"""Processes and database killed -9 at random on real servers: in the end the truth is stored, or a gap says where not.

By hand, with a seed that was printed: `python -m tests.stanok.campaign --seed N --kills 42`. CI runs this file a second
time with more kills (.ci/run).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.plant.model import Plant
from tests.seeds import seed as seed_of
from tests.servers import Missing
from tests.stanok.campaign import Report, campaign

pytestmark = pytest.mark.timeout(900)

KILLS = int(os.environ.get("STANOK_TEST_KILLS", "12"))
"""On Mosquitto; a quarter of them on the other broker."""
MOST_GAP = 0.7
"""Share of the time that may be lost to gaps before there is too little left to compare."""


def waged(kills: int, broker: str, server: str, directory: Path) -> Report:
    seed = seed_of(f"campaign {broker} {server}")
    print(f"python -m tests.stanok.campaign --seed {seed} --kills {kills} --broker {broker} --server {server}")
    try:
        report = campaign(seed, kills, broker, server, 60.0, directory, print)
    except Missing as missing:
        pytest.skip(str(missing))  # in CI that is a failure (tests/fix_honest.py)
    print(*report.lines(), sep="\n")
    for verdict in report.verdicts:
        print(*[f"{verdict.machine} {line}" for line in [*verdict.different, *verdict.intervals][:20]], sep="\n")
    assert report.killed >= kills
    return report


def causes(report: Report, plant: Plant, protocol: str) -> set[str]:
    """Why machines of a protocol have gaps."""
    mine = {machine.name for machine in plant.machines if plant.sources[machine.source].protocol == protocol}
    return {cause for verdict in report.verdicts if verdict.machine in mine for cause in verdict.causes}


def test_on_mosquitto_nothing_is_lost_where_a_sequence_proves_it_and_elsewhere_a_gap_says_so(
    plant: Plant, tmp_path: Path
) -> None:
    report = waged(KILLS, "mosquitto", "timescaledb", tmp_path)
    assert report.complaints() == []
    assert causes(report, plant, "opcua") >= {"restart"}
    assert causes(report, plant, "mqtt") == set()
    assert report.commits_between > report.killed / 6
    assert all(verdict.gap_min < MOST_GAP * report.scenario_min for verdict in report.verdicts)


def test_on_a_broker_that_forgets_gaps_say_so_and_nothing_is_invented(plant: Plant, tmp_path: Path) -> None:
    report = waged(KILLS // 4, "amqtt", "debian", tmp_path)
    assert report.complaints() == []
    assert all(verdict.gap_min < MOST_GAP * report.scenario_min for verdict in report.verdicts)
    assert sum(verdict.minutes for verdict in report.verdicts) > 60 * len(plant.machines)
