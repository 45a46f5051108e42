"""What is asked of simulators from another terminal, and what they did: two files of lines in the data directory.

`knob.asked.jsonl` is appended to by whoever asks, one line each: an id, and what is wanted. `knob.done.jsonl` is
written by the simulators alone: the id, and what was done from which instant on, or why not. Invariants: what was asked
while no simulators ran is never done; everything that was done stands in the second file, so that a second run, and
whoever compares with the truth, knows it; where scenario time does not go on, the file begins anew.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from core.errors import InputError, OutsideError
from core.units import datetime_from_us
from simulators.interventions import Intervention, Kind, from_line, to_line

ASKED, DONE = "knob.asked.jsonl", "knob.done.jsonl"
WAIT_S = 15.0
"""Simulators look every tenth of a second; on a busy computer an hour of machine time may be drawn anew first."""
_LOOK_S = 0.05


class Knobs:
    """The simulators' side."""

    def __init__(self, directory: Path, *, goes_on: bool) -> None:
        """`goes_on`: whether this run goes on with the story of the one before."""
        self._asked, self._done = directory / ASKED, directory / DONE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if not goes_on:
                self._done.unlink(missing_ok=True)
            self._asked.touch()
        except OSError as error:
            why = f"{error.filename or directory}: {error.strerror}"
            raise InputError(f"{why}; say with --data where the simulators may write") from error
        self._read = self._asked.stat().st_size
        self.done = done_in(directory)

    def turn(self, intervene: Callable[[Intervention], Intervention], mine: Callable[[str], bool]) -> None:
        """Do what was asked since the last call of machines that are `mine`; others answer for theirs."""
        if self._asked.stat().st_size <= self._read:
            return
        with self._asked.open("rb") as file:
            file.seek(self._read)
            found = file.read()
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._answer(line, intervene, mine)

    def _answer(
        self, line: str, intervene: Callable[[Intervention], Intervention], mine: Callable[[str], bool]
    ) -> None:
        try:
            asked = json.loads(line)
            name, wanted = str(asked["id"]), from_line(json.dumps(asked["wanted"]))
        except (ValueError, TypeError, KeyError):
            return  # nobody waits for an answer to what cannot be read
        if not mine(wanted.machine):
            return
        try:
            answer = {"id": name, "done": json.loads(to_line(intervene(wanted)))}
        except InputError as error:
            answer = {"id": name, "refused": str(error)}
        _append(self._done, answer)


def ask(directory: Path, wanted: Intervention, wait_s: float = WAIT_S) -> Intervention:
    """What the simulators made of it. InputError if they refuse, OutsideError if none run there."""
    if not (directory / ASKED).exists():
        raise InputError(f"no simulators have run in {directory}; say with --data where they run")
    name = uuid4().hex
    _append(directory / ASKED, {"id": name, "wanted": json.loads(to_line(wanted))})
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        for answer in _answers(directory):
            if answer.get("id") == name:
                if "refused" in answer:
                    raise InputError(str(answer["refused"]))
                return from_line(json.dumps(answer["done"]))
        time.sleep(_LOOK_S)
    raise OutsideError(f"no simulators answer in {directory}: start them first, or say with --data where they run")


def done_in(directory: Path) -> list[Intervention]:
    """Everything that was done to the simulated machines of a data directory, in order."""
    return [from_line(json.dumps(answer["done"])) for answer in _answers(directory) if "done" in answer]


def told(done: Intervention) -> str:
    """A sentence for who has asked."""
    at = f"{datetime_from_us(done.at_us):%H:%M:%S} UTC"
    if done.kind is Kind.RUSH:
        return f"{done.machine}: an order of {done.parts} parts comes next, from {at} on"
    what = "breaks down" if done.kind is Kind.BREAK else "cannot be heard"
    return f"{done.machine} {what} from {at} on for {done.for_us / 60e6:g} min"


def _answers(directory: Path) -> list[dict[str, object]]:
    try:
        found = (directory / DONE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in found[: found.rfind("\n") + 1].splitlines()]


def _append(path: Path, content: dict[str, object]) -> None:
    line = json.dumps(content, ensure_ascii=False) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
