"""Knobs: what is asked of simulators from another terminal is done once, written down, or refused in a sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError, OutsideError
from simulators.interventions import Intervention, Kind
from stanok.knobs import Knobs, ask, done_in, told

BREAK = Intervention(Kind.BREAK, "a/m", for_us=600_000_000)
AT_US = 1_774_335_600_000_000


def intervene(wanted: Intervention) -> Intervention:
    if wanted.machine != "a/m":
        raise InputError(f"the plant has no machine {wanted.machine}")
    return replace(wanted, at_us=AT_US)


def mine(machine: str) -> bool:
    return machine != "b/m"


@contextmanager
def simulators(directory: Path, *, goes_on: bool = True) -> Iterator[Knobs]:
    """Someone who looks after the knobs in another thread, as simulators do."""
    knobs, stop = Knobs(directory, goes_on=goes_on), threading.Event()

    def look() -> None:
        while not stop.wait(0.01):
            knobs.turn(intervene, mine)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield knobs
    finally:
        stop.set()
        thread.join()


def test_who_asks_is_told_what_was_done_and_a_second_run_knows_it(tmp_path: Path) -> None:
    with simulators(tmp_path):
        done = ask(tmp_path, BREAK)
        assert done == replace(BREAK, at_us=AT_US)
        with pytest.raises(InputError, match="no machine a/n"):
            ask(tmp_path, replace(BREAK, machine="a/n"))
    assert done_in(tmp_path) == [done]
    with simulators(tmp_path) as knobs:
        assert knobs.done == [done]
    with simulators(tmp_path, goes_on=False) as knobs:
        assert knobs.done == []


def test_nothing_is_done_that_was_asked_while_no_simulators_ran(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no simulators have run in"):
        ask(tmp_path, BREAK, 0.1)
    with simulators(tmp_path):
        pass
    with pytest.raises(OutsideError, match="no simulators answer in"):
        ask(tmp_path, BREAK, 0.1)
    with simulators(tmp_path):
        done = ask(tmp_path, replace(BREAK, for_us=1_000_000))
    assert done_in(tmp_path) == [done]


def test_what_other_simulators_play_is_theirs_to_answer(tmp_path: Path) -> None:
    with simulators(tmp_path):
        with pytest.raises(OutsideError, match="no simulators answer"):
            ask(tmp_path, replace(BREAK, machine="b/m"), 0.2)
        assert ask(tmp_path, BREAK).machine == "a/m"


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    knobs = Knobs(tmp_path, goes_on=True)
    with (tmp_path / "knob.asked.jsonl").open("a") as file:
        file.write('nonsense\n[]\n{"id": "1", "wanted": {"kind": "explode", "machine": "a/m"}}\n{"id": "2"')
    knobs.turn(intervene, mine)
    assert done_in(tmp_path) == []
    with (tmp_path / "knob.asked.jsonl").open("a") as file:
        file.write(', "wanted": {"kind": "cut", "machine": "a/m", "for_us": 60000000}}\n')
    knobs.turn(intervene, mine)
    assert [one.kind for one in done_in(tmp_path)] == [Kind.CUT]


def test_a_directory_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="say with --data where the simulators may write"):
        Knobs(tmp_path / "file", goes_on=True)


def test_what_was_done_is_told_in_a_sentence() -> None:
    assert told(replace(BREAK, at_us=AT_US)) == "a/m breaks down from 07:00:00 UTC on for 10 min"
    assert (
        told(Intervention(Kind.CUT, "a/m", AT_US, 90_000_000)) == "a/m cannot be heard from 07:00:00 UTC on for 1.5 min"
    )
    rush = Intervention(Kind.RUSH, "a/m", AT_US, parts=10)
    assert told(rush) == "a/m: an order of 10 parts comes next, from 07:00:00 UTC on"
