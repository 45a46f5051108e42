"""What people tell, from the words on the command line to the rows on a real database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from core.errors import InputError
from core.plant.model import Plant
from core.samples.batch import BatchBuilder
from core.samples.entries import in_effect
from core.samples.records import RowKind, SpoolRow, pack_samples
from core.units import HOUR_US, MINUTE_US, datetime_from_us
from core.vocabulary import Execution, OpMode, State
from stanok.operator import Correction, Done, Operator, known_from, lines
from storage.entries import OPERATOR_SPOOL, payloads
from storage.pg.made import Made
from tests.stanok.house import wait_for
from tests.stanok.test_engine import Bench, bench, minute

__all__ = ["bench"]

MACHINE = "minsk/lathe-1"
PLACE = 0


def at(number: float) -> str:
    """A time on the wall of Minsk, UTC+3, as a person types it."""
    return datetime_from_us(minute(number) + 3 * HOUR_US).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.fixture
def operator(plant: Plant, tmp_path: Path) -> Operator:
    return Operator(plant, tmp_path / "data", minute(120))


def tool(operator: Operator, since: float = 1, until: float = 3, **others: str) -> Done:
    given = {"machine": MACHINE, "code": "tool", "author": "Anna P.", **others}
    return operator.add_reason(since=at(since), until=at(until), **given)


def made(parts: int, program: str = "P-1") -> Callable[..., Made]:
    return lambda *_: Made(parts, program, minute(0), minute(480))


def test_the_same_words_twice_are_one_entry(operator: Operator) -> None:
    first, second = tool(operator), tool(operator)
    assert (first.new, second.new) == (True, False)
    assert first.entry == second.entry
    assert operator.entries() == [first.entry]
    assert (first.entry.from_us, first.entry.to_us) == (minute(1), minute(3))


def test_what_is_corrected_stays_readable_and_can_be_told_again(operator: Operator) -> None:
    first = tool(operator).entry
    done = operator.correct(first.id[:6], "Olga", Correction(until=at(4), reason="repair"))
    assert (done.entry.to_us, done.entry.reason, done.entry.author) == (minute(4), "repair", "Olga")
    assert in_effect(operator.entries()) == [done.entry]
    assert [(entry.id == first.id, entry.takes_back) for entry in operator.entries()] == [
        (True, ""),
        (False, first.id),
        (False, ""),
    ]
    again = tool(operator)
    assert again.new
    assert again.entry.id != first.id
    shown = list(lines(operator, everything=True))
    assert [first.id in line for line in shown] == [True, True, False, False]
    assert "(taken back)" in shown[0]
    assert len(list(lines(operator))) == 2
    assert list(lines(operator, "minsk/lathe-2", everything=True)) == []


def test_who_took_what_back_is_written_down(operator: Operator) -> None:
    first = tool(operator).entry
    back = operator.take_back(first.id, "Olga", "another machine").entry
    assert (back.takes_back, back.author, back.note) == (first.id, "Olga", "another machine")
    assert in_effect(operator.entries()) == []
    with pytest.raises(InputError, match="was taken back already by Olga"):
        operator.take_back(first.id, "Ivan")


def test_of_two_who_correct_the_same_entry_at_once_the_second_is_refused(operator: Operator) -> None:
    first = tool(operator).entry
    together = Barrier(2)

    def correct(author: str, reason: str) -> Done | InputError:
        together.wait()
        try:
            return operator.correct(first.id, author, Correction(reason=reason))
        except InputError as refused:
            return refused

    with ThreadPoolExecutor(2) as editors:
        found = list(editors.map(correct, ("Olga", "Ivan"), ("repair", "setup")))
    (won,) = (answer for answer in found if isinstance(answer, Done))
    (refused,) = (answer for answer in found if isinstance(answer, InputError))
    assert f"was taken back already by {won.entry.author}; `stanok reason list` shows what holds now" in str(refused)
    assert in_effect(operator.entries()) == [won.entry]
    assert len(operator.entries()) == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"machine": "minsk/lathe-9"}, "no such machine; did you mean"),
        ({"code": "tol"}, 'no such reason; did you mean "tool"'),
        ({"author": " "}, "must not be empty"),
        ({"author": "Anna\nP."}, "one line"),
        ({"note": "x" * 201}, "one line of at most 200"),
        ({"since": 3, "until": 3}, "--from is not before --to"),
        ({"since": -600_000}, "more than a year"),
        ({"until": 200}, "in the future"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_stored(
    operator: Operator, wrong: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence) as refused:
        tool(operator, **wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert "\n" not in str(refused.value)
    assert operator.entries() == []


def test_scrap_never_exceeds_what_was_made_in_the_shift(operator: Operator) -> None:
    def tell(parts: int, number: float, known: int = 5, note: str = "") -> Done:
        return operator.add_scrap(MACHINE, at(number), parts, "", "Ivan", note, made(known))

    assert tell(3, 10).entry.program == "P-1"
    assert not tell(3, 10).new
    with pytest.raises(InputError, match=r"known to have made 5 good parts of P-1 .* 3 are told to be scrap already"):
        tell(3, 11)
    assert tell(2, 11).new
    with pytest.raises(InputError, match="nothing was entered"):
        tell(1, 12)
    operator.take_back(tell(3, 10).entry.id, "Ivan")
    assert tell(3, 10).new
    with pytest.raises(InputError, match="--parts 0"):
        tell(0, 1)


def test_an_id_must_name_one_entry(operator: Operator) -> None:
    tool(operator)
    with pytest.raises(InputError, match="no such entry"):
        operator.take_back("beef", "Olga")
    with pytest.raises(InputError, match="no such entry"):
        operator.take_back("", "Olga")


# On a real database, through a real engine


def words(bench: Bench, *told: tuple[float, str, float]) -> SpoolRow:
    builder = BatchBuilder()
    for number, signal, value in told:
        found = bench.plant.signal_index[signal]
        builder.add(machine=PLACE, signal=found, event_us=minute(number), received_us=minute(number), value=value)
    return bench.row(RowKind.SAMPLES, pack_samples(builder.build()))


def settled(bench: Bench) -> bool:
    """Whether the engine has everything that people told, and waits for nothing."""
    told = len(payloads(bench.directory / "spool" / OPERATOR_SPOOL))
    return bench.ask("select count(*) from stanok.operator_entry") == [(told,)] and not bench.ask(
        "select 1 from stanok.recompute_request"
    )


def stopped_us(bench: Bench) -> list[tuple[int, int]]:
    """Planned and unplanned stops of the first machine in its planned busy time [µs]."""
    found = bench.ask(
        "select sum(planned_state)::bigint, sum(adet_stop + adot_stop)::bigint from stanok.fact_minute"
        " where machine_id = %s",
        bench.plant.machines[PLACE].id,
    )
    return [(int(a), int(b)) for a, b in found]


def repaired(bench: Bench) -> None:
    wait_for(lambda: settled(bench), "what people told is not folded in", 30)


def test_a_repair_that_is_told_moves_its_stretch_and_taken_back_moves_it_again(bench: Bench) -> None:
    operator = Operator(bench.plant, bench.directory, minute(120))
    bench.start()
    maintenance = [(0, "ctrl.execution", Execution.READY), (0, "ctrl.op_mode", OpMode.MAINTENANCE)]
    bench.committed(words(bench, *maintenance), bench.beat(minute(30)))
    wait_for(lambda: stopped_us(bench) == [(30 * MINUTE_US, 0)], "the maintenance is not there")
    told = operator.add_reason(MACHINE, at(10), at(30.5), "repair", "Anna", "")
    bench.committed(bench.beat(minute(40)))
    repaired(bench)
    assert stopped_us(bench) == [(10 * MINUTE_US, 30 * MINUTE_US)]  # and what follows without producing, rule 2
    assert bench.ask("select from_time, state from stanok.state_interval order by from_time") == [
        (datetime_from_us(minute(0)), State.PLANNED_STOP),
        (datetime_from_us(minute(10)), State.UNPLANNED_STOP),
    ]
    bench.stop()
    operator.take_back(told.entry.id, "Anna")
    bench.start()
    repaired(bench)
    wait_for(lambda: stopped_us(bench) == [(40 * MINUTE_US, 0)], "what was taken back still counts")
    bench.stop()
    assert bench.ask("select count(*) from stanok.operator_entry") == [(2,)]
    with pytest.raises(Exception, match="only grows"):
        bench.ask("delete from stanok.operator_entry")


def test_scrap_changes_good_parts_and_credits_of_its_minute(bench: Bench) -> None:
    program = bench.plant.programs[0]
    operator = Operator(bench.plant, bench.directory, minute(120))
    builder = BatchBuilder()

    def add(number: float, signal: str, value: float, text: str | None = None) -> None:
        place, us = bench.plant.signal_index[signal], minute(number)
        builder.add(machine=PLACE, signal=place, event_us=us, received_us=us, value=value, text=text)

    add(0, "ctrl.execution", Execution.ACTIVE)
    add(0, "prog.name", float("nan"), program.name)
    for count in range(11):
        add(3 * count, "part.total", 1000 + count)
    bench.start()
    bench.committed(bench.row(RowKind.SAMPLES, pack_samples(builder.build())), bench.beat(minute(40)))
    known = known_from(bench.dsn, bench.plant)
    wait_for(lambda: known(bench.plant.machines[PLACE], minute(33), "").parts == 10, "the parts are not there")
    found = known(bench.plant.machines[PLACE], minute(33), "")
    assert found.program == program.name
    assert found.from_us <= minute(0) < minute(33) < found.to_us
    with pytest.raises(InputError, match="made 10 good parts"):
        operator.add_scrap(MACHINE, at(33), 11, "", "Ivan", "", known)
    with pytest.raises(InputError, match="made 0 good parts of NEVER-SEEN"):
        operator.add_scrap(MACHINE, at(33), 1, "NEVER-SEEN", "Ivan", "", known)
    operator.add_scrap(MACHINE, at(12.5), 2, "", "Ivan", "", known)
    repaired(bench)
    machine = bench.plant.machines[PLACE].id
    assert bench.ask(
        "select parts_good, parts_scrap, credit_good_us - credit_total_us from stanok.fact_minute"
        " where machine_id = %s and minute = %s",
        machine,
        datetime_from_us(minute(12)),
    ) == [(-1, 2, -2 * program.pri_us)]
    assert bench.ask(
        "select sum(parts_total)::int, sum(parts_good)::int, sum(parts_scrap)::int from stanok.fact_minute"
        " where machine_id = %s",
        machine,
    ) == [(10, 8, 2)]
    assert known(bench.plant.machines[PLACE], minute(33), "").parts == 10
    bench.stop()


def test_what_a_machine_did_not_say_is_kept_apart(bench: Bench) -> None:
    stranger = replace(bench.plant, machines=(replace(bench.plant.machines[0], name="minsk/gone"),))
    operator = Operator(stranger, bench.directory, minute(120))
    operator.add_reason("minsk/gone", at(1), at(2), "tool", "Anna", "")
    bench.start()
    wait_for(lambda: bench.ask("select count(*) from stanok.quarantine") == [(1,)], "it is not in quarantine", 30)
    bench.stop()
    ((reason,),) = bench.ask("select reason from stanok.quarantine")
    assert "no machine 'minsk/gone'" in reason


def test_what_would_change_a_past_that_is_not_kept_is_refused_and_other_reasons_are_not(
    plant: Plant, tmp_path: Path
) -> None:
    operator = Operator(plant, tmp_path / "data", minute(120), kept_us=minute(60))
    sentence = r"kept from 2026-03-24 08:00 UTC on only"
    with pytest.raises(InputError, match=sentence):
        tool(operator, 59, 70, code="repair")
    with pytest.raises(InputError, match=sentence):
        operator.add_scrap(MACHINE, at(59), 1, "P-1", "Anna P.", "", made(5))
    assert operator.entries() == []
    early = tool(operator, 10, 20)
    assert early.new
    with pytest.raises(InputError, match=sentence):
        operator.correct(early.entry.id, "Anna P.", Correction(reason="repair"))
    assert operator.entries() == [early.entry]
    assert tool(operator, 60, 70, code="repair").new
