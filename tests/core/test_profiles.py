"""One log read by every profile: the worked example, and that nothing is left unread."""

from __future__ import annotations

import pytest

from core.kpi.profiles import ALL, GOOD, PROFILES, Reading, side_by_side
from core.kpi.sums import CELLS
from tests.core.rows import ISO_EXAMPLE, MIN

READ = {reading.profile.id: reading for reading in side_by_side(ISO_EXAMPLE)}


def percent(reading: Reading, name: str) -> float:
    value = reading.figures[name].band.value
    assert value is not None
    return round(100 * value, 1)


@pytest.mark.parametrize(
    ("profile", "availability", "performance", "oee"),
    [
        ("iso22400-2", 62.2, 89.3, 52.8),
        ("opc40001-1-c", 62.2, 89.3, 52.8),
        ("opc40501-1-c", 62.2, 89.3, 52.8),
        ("nakajima-tpm", 76.9, 83.3, 60.9),
        ("available-time", 75.0, 69.4, 49.5),
        ("calendar", 19.4, 89.3, 16.5),
    ],
)
def test_the_worked_example_side_by_side(profile: str, availability: float, performance: float, oee: float) -> None:
    reading = READ[profile]
    assert percent(reading, "availability") == availability
    assert percent(reading, "performance") == performance
    assert percent(reading, "quality") == 95.0
    assert percent(reading, "oee") == oee
    assert reading.figures["oee"].numerator_us == 2375 * MIN // 10


@pytest.mark.parametrize(
    ("profile", "use", "organisational", "technical"),
    [("vdi3423", 71.1, 17.8, 11.1), ("vdi3423-setup-lost", 62.2, 26.7, 11.1)],
)
def test_the_worked_example_in_vdi_3423(profile: str, use: float, organisational: float, technical: float) -> None:
    reading = READ[profile]
    names = ("utilization", "organisational_loss", "technical_loss", "maintenance_loss", "technical_availability")
    assert [percent(reading, name) for name in names] == [use, organisational, technical, 0.0, 88.9]
    losses = sum(reading.figures[name].band.value or 0 for name in names[1:4])
    assert reading.figures["utilization"].band.value == pytest.approx(1 - losses)
    assert reading.figures["utilization"].denominator_us == 450 * MIN


def test_the_two_annexes_of_opc_ua_differ_in_what_standing_is() -> None:
    # Annex C of 40501-1 calls standing still ADOT also during an order: supply looks worse, running better.
    machinery, tool = READ["opc40001-1-c"], READ["opc40501-1-c"]
    assert percent(machinery, "allocation_efficiency") == 86.7  # (280 + 40 + 70) / 450
    assert percent(tool, "allocation_efficiency") == 82.2  # (280 + 40 + 50) / 450
    assert (percent(machinery, "technical_efficiency"), percent(tool, "technical_efficiency")) == (80.0, 84.8)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.id)
# A parametrized profile.
def test_a_profile_reads_every_cell_once_and_divides_only_its_own_terms(profile) -> None:  # type: ignore[no-untyped-def]  # each of several classes
    assert set(profile.terms) == set(CELLS)
    assert sum(READ[profile.id].terms_us.values()) == 1440 * MIN
    words = {word for pair in profile.figures.values() for part in pair for word in part.split()}
    assert words <= set(profile.terms.values()) | {GOOD, ALL}


def test_profiles_have_ids_of_their_own_and_versions() -> None:
    assert len({(profile.id, profile.version) for profile in PROFILES}) == len(PROFILES)
