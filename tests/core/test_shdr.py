"""Lines of an SHDR recording: observations as they stand, everything else counted and skipped."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.samples.shdr import Observed, ShdrReader

T, T_US = "2022-08-08T13:51:34.7167146Z", 1_659_966_694_716_714


def read(*lines: str) -> tuple[list[Observed], ShdrReader]:
    reader = ShdrReader()
    return list(reader.read(lines)), reader


def pairs(*lines: str) -> list[tuple[str, str]]:
    return [(found.key, found.value) for found in read(*lines)[0]]


def test_a_line_holds_any_number_of_pairs_of_one_time_cut_to_microseconds() -> None:
    found, reader = read(f"{T}|pexecution|READY|ppartcount|0|p1block|\r\n")
    assert [(item.key, item.value) for item in found] == [("pexecution", "READY"), ("ppartcount", "0"), ("p1block", "")]
    assert {(item.event_us, item.stamp) for item in found} == {(T_US, T)}
    assert (reader.refused, reader.assets, reader.commands) == (0, 0, 0)


def test_times_may_jump_back_and_the_order_of_the_lines_stays() -> None:
    found, _ = read(f"{T}|a|1", "2022-08-08T13:37:18.8501483Z|a|2", f"{T}|a|3")
    assert [item.value for item in found] == ["1", "2", "3"]
    assert found[1].event_us < found[0].event_us == found[2].event_us


def test_a_condition_has_a_level_and_a_code() -> None:
    found, _ = read(f"{T}|system|FAULT|E7|100|HIGH|Pressure", f"{T}|servo|NORMAL||||", f"{T}|a|1|b|2|c|3")
    assert [(item.value, item.condition, item.code) for item in found[:2]] == [
        ("FAULT", True, "E7"),
        ("NORMAL", True, ""),
    ]
    assert [(item.key, item.condition) for item in found[2:]] == [("a", False), ("b", False), ("c", False)]


def test_three_pairs_that_begin_with_unavailable_are_no_condition() -> None:
    assert pairs(f"{T}|p1Fcmd|UNAVAILABLE|X1load|56|Z1load|2") == [
        ("p1Fcmd", "UNAVAILABLE"),
        ("X1load", "56"),
        ("Z1load", "2"),
    ]
    assert read(f"{T}|servo|UNAVAILABLE||||")[0][0].condition


def test_assets_with_their_bodies_and_commands_are_counted_and_skipped() -> None:
    found, reader = read(
        f"{T}|@REMOVE_ALL_ASSETS@|CuttingTool",
        "* adapterVersion: 1",
        f"{T}|@ASSET@|T1|CuttingTool|--multiline--ABCD",
        "<CuttingTool>",
        f"{T}|exec|ACTIVE",
        "--multiline--ABCD",
        f"{T}|@ASSET@|T2|CuttingTool|<CuttingTool/>",
        f"{T}|exec|READY",
    )
    assert [item.value for item in found] == ["READY"]
    assert (reader.assets, reader.commands, reader.refused) == (3, 1, 0)


def test_a_duration_after_the_time_is_no_part_of_it() -> None:
    assert read(f"{T}@100.5|a|1")[0][0].event_us == T_US


def test_broken_lines_are_counted_and_their_good_pairs_kept() -> None:
    found, reader = read("12.5|a|1", "", "2022-08-08T13:51:34|a|1", "rubbish", T, f"{T}|a|1|b", f"{T}|a|2")
    assert [(item.key, item.value) for item in found] == [("a", "1"), ("a", "2")]
    assert reader.refused == 5


@settings(max_examples=200, deadline=None, print_blob=True)
@given(st.lists(st.text(alphabet="|@*-ABT:Z.0192\n", max_size=30) | st.just(f"{T}|a|1"), max_size=20))
def test_any_lines_are_read_without_an_error(lines: list[str]) -> None:
    read(*lines)
