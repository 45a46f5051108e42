"""Decoding of OPC UA values, without a server."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from asyncua import ua

from collectors.clockwatch import ClockWatch
from collectors.opcua.decode import Decoded, Item, decode, reader
from collectors.opcua.settings import Address
from core.units import us_from_datetime
from core.vocabulary import ClockChoice, Execution, Flag, Mode, Quality, meaning
from stanok.clock import RealClock

AT = datetime(2026, 3, 2, 6, 0, 0, 123_457, tzinfo=UTC)
AT_US = us_from_datetime(AT)
EXECUTION = {"0": "active", "1": "interrupted", "2": "ready"}


def item(signal: str, **options: object) -> Item:
    found = meaning(signal)
    assert found is not None
    address = Address.model_validate({"path": "A/B", **options})
    return Item(3, 5, signal, address, reader(found, address))


def decoded(wanted: Item, *values: ua.DataValue, initial: bool = False) -> Decoded:
    return decode(
        [(wanted, value) for value in values],
        arrival_us=AT_US + 10,
        clock=RealClock(),
        watch=ClockWatch(),
        initial={wanted} if initial else set(),
        settled=False,
    )


def data(value: object, status: int = 0, source: datetime | None = AT, server: datetime | None = None) -> ua.DataValue:
    return ua.DataValue(
        ua.Variant(value), ua.StatusCode(ua.UInt32(status)), SourceTimestamp=source, ServerTimestamp=server
    )


def one(signal: str, value: object, status: int = 0, **options: object) -> tuple[float, int, int, int]:
    """(value, raw, quality, flags) of the only sample."""
    batch = decoded(item(signal, **options), data(value, status)).samples.build()
    assert len(batch) == 1
    assert (int(batch.machine[0]), int(batch.signal[0]), int(batch.event_us[0])) == (3, 5, AT_US)
    return float(batch.value[0]), int(batch.raw[0]), int(batch.quality[0]), int(batch.flags[0])


@pytest.mark.parametrize(
    ("signal", "value", "options", "expected"),
    [
        ("part.total", 41, {}, 41.0),
        ("part.total", 41.0, {}, 41.0),
        ("energy.import", 1.5, {"factor": 1000.0}, 1500.0),
        ("feed.1.override", 0.8, {"factor": 100.0}, 80.0),
        ("spindle.1.speed", -1200, {}, -1200.0),
        ("ctrl.estop", True, {}, 1.0),
        ("ctrl.estop", 0, {}, 0.0),
        ("spindle.1.rotating", 2, {}, 1.0),
        ("ctrl.execution", 1, {"words": EXECUTION}, float(Execution.INTERRUPTED)),
        ("ctrl.mode", "automatic", {}, float(Mode.AUTOMATIC)),
    ],
)
def test_values_come_out_in_our_units_and_words(
    signal: str, value: object, options: dict[str, object], expected: float
) -> None:
    assert one(signal, value, **options)[0] == pytest.approx(expected)


def test_the_servers_number_stays_beside_the_word() -> None:
    assert one("ctrl.execution", 2, words=EXECUTION)[:2] == (float(Execution.READY), 2)


@pytest.mark.parametrize(("value", "words"), [(17, EXECUTION), ("Betrieb", {"Automatik": "active"}), ("Betrieb", {})])
def test_an_unknown_word_or_number_becomes_other_and_is_counted(value: object, words: dict[str, str]) -> None:
    found = decoded(item("ctrl.execution", words=words), data(value))
    assert found.unmapped == 1
    assert found.samples.build().value.tolist() == [float(Execution.OTHER)]


def test_a_text_where_numbers_are_mapped_is_of_a_wrong_type_and_not_just_one_more_number() -> None:
    found = decoded(item("ctrl.execution", words=EXECUTION), data("?"))
    assert found.samples.build().quality.tolist() == [Quality.BAD]
    assert [reject.reason for reject in found.rejects] == [
        "ctrl.execution: the text '?' is no number of an enumeration"
    ]


def test_texts_keep_their_text_and_numbers_of_tools_become_texts() -> None:
    for value, text in (("P17", "P17"), (ua.LocalizedText("Welle"), "Welle"), (12, "12")):
        batch = decoded(item("tool.id"), data(value)).samples.build()
        assert batch.texts[batch.text[0]] == text
        assert math.isnan(batch.value[0])
        assert batch.quality[0] == Quality.GOOD


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (0x00000000, Quality.GOOD),
        (0x00960000, Quality.GOOD),
        (0x40000000, Quality.UNCERTAIN),
        (0x408F0000, Quality.STALE),
        (0x40900000, Quality.STALE),
        (0x40910000, Quality.STALE),
        (0x40920000, Quality.STALE),
        (0x80050000, Quality.BAD),
        (0x801F0000, Quality.BAD),
        (0xC0000000, Quality.BAD),
    ],
)
def test_quality_follows_the_status_code(status: int, quality: Quality) -> None:
    assert one("part.total", 5, status)[2] == quality


def test_a_bad_value_is_no_value_but_keeps_its_time() -> None:
    value, raw, quality, _ = one("part.total", 5, 0x80050000)
    assert math.isnan(value)
    assert (raw, quality) == (-1, Quality.BAD)


@pytest.mark.parametrize("status", [0, 0x40000000])
def test_null_without_error_is_no_value(status: int) -> None:
    found = decoded(item("part.total"), data(None, status))
    assert (len(found.samples), found.rejects) == (0, [])


def test_waiting_for_initial_data_is_no_value_and_no_outage() -> None:
    assert len(decoded(item("part.total"), data(None, 0x80320000)).samples) == 0


def test_a_lost_node_is_reported_for_another_look_up() -> None:
    wanted = item("part.total")
    found = decoded(wanted, data(None, 0x80340000))
    assert found.lost == [wanted]
    assert found.samples.build().quality.tolist() == [Quality.BAD]


def test_the_overflow_bit_says_that_values_before_this_one_are_gone() -> None:
    assert one("part.total", 5, 0x00000480)[3] == Flag.OVERFLOW | Flag.GAP_BEFORE
    assert one("part.total", 5, 0x00000400)[3] == 0
    assert one("part.total", 5, 0x00000080)[3] == 0


def test_only_the_first_value_after_the_creation_is_initial() -> None:
    batch = decoded(item("part.total"), data(1), data(2), initial=True).samples.build()
    assert batch.flags.tolist() == [int(Flag.INITIAL), 0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_bad(value: float) -> None:
    batch = decoded(item("spindle.1.load"), data(value)).samples.build()
    assert batch.quality.tolist() == [Quality.BAD]


@pytest.mark.parametrize(
    ("signal", "value"),
    [
        ("part.total", "seven"),
        ("part.total", True),
        ("part.total", -1),
        ("part.total", 2**53 + 1),
        ("part.total", [1, 2]),
        ("spindle.1.load", "41"),
        ("spindle.1.load", False),
        ("ctrl.estop", "on"),
        ("ctrl.execution", 0.5),
        ("prog.name", 1.5),
        ("prog.name", b"P1"),
    ],
)
def test_a_value_of_a_wrong_type_goes_to_quarantine_and_ends_the_one_before_it(signal: str, value: object) -> None:
    found = decoded(item(signal), data(value))
    assert found.samples.build().quality.tolist() == [Quality.BAD]
    (reject,) = found.rejects
    assert (reject.origin, reject.machine) == ("A/B", 3)
    assert reject.reason.startswith(f"{signal}: ")
    assert reject.raw


@pytest.mark.parametrize("year", [1601, 2099, 9999])
def test_without_a_plausible_source_time_the_servers_counts_then_the_arrival(year: int) -> None:
    wrong = datetime(year, 1, 1, tzinfo=UTC)
    batch = decoded(item("part.total"), data(1, source=wrong, server=AT), data(2, source=wrong)).samples.build()
    assert batch.event_us.tolist() == [AT_US, AT_US + 10]
    choices = [int(flags) & Flag.CLOCK_MASK for flags in batch.flags]
    assert choices == [ClockChoice.SERVER, ClockChoice.ARRIVAL]
