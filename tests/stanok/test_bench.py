"""The benchmarks run, on little data, and print lines of the agreed shape. How fast they are is never asserted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from core.facts.schema import TIME_COLUMNS
from core.programme.grouptime import NEVER, Panel
from core.programme.regress import two_way
from core.programme.student import t_quantile
from simulators.programmes import Scene, play
from stanok.bench import boards, end_to_end, kernel, outage, programme, recompute, storage
from stanok.bench.report import Figure, report
from stanok.bench.year import Size, make_year
from storage.pg.connect import Connection
from storage.pg.rollup import differences


def lines(figures: Iterable[Figure], capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    report(figures, as_json=True)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in found:
        assert set(line) == {"bench", "name", "value", "unit", "peers", "conditions"}
        assert line["value"] > 0
        assert all(peer > 0 for peer in line["peers"].values())
    return {line["name"]: line for line in found}


def test_the_kernel_bench_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(kernel.measure(20_000, kernel.PIECE_US), capsys)
    names = "fold_100 fold_16k fold_16k_10_machines fold_16k_10000_machines order_16k first_call_cached"
    assert " ".join(found) == names
    assert found["fold_16k"]["unit"] == "samples/s"
    assert "numpy copy" in found["fold_16k"]["peers"]  # type: ignore[operator]  # a line of JSON


@pytest.mark.timeout(180)
def test_the_end_to_end_bench_stores_every_sample_on_real_servers(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(end_to_end.measure(None, None, samples=6_000, peer_samples=3_000, changes=20), capsys)
    assert list(found) == ["samples_to_commit", "latency_p50", "latency_p99"]
    assert found["samples_to_commit"]["conditions"]["late stretches"] == 0  # type: ignore[index]  # a line of JSON


def test_the_programme_bench_keeps_its_word_on_few_simulations(capsys: pytest.CaptureFixture[str]) -> None:
    """A loose look; the bench itself is the proof."""
    report(programme.measure(simulations=100, draws=199), as_json=True)
    found = {line["name"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(found) == ["ci_coverage", "false_positive_rate", "bias_in_se", "ci_coverage_uneven"]
    for line in found.values():
        assert "two-way fixed effects" in line["peers"]
        low, high = line["conditions"]["monte_carlo"]
        assert low < high
        assert low <= line["value"] <= high + 1e-6
    assert found["ci_coverage"]["value"] > 0.88
    assert found["false_positive_rate"]["value"] < 0.12
    assert abs(found["bias_in_se"]["value"]) < 0.4


def test_the_plain_peer_is_the_regression_of_core() -> None:
    played = play(Scene(weeks=80), 2, 1)
    starts = np.where(played.starts >= 80, NEVER, played.starts)
    panel = Panel(starts, np.zeros(12, np.int64), np.ones((12, 80), bool))
    value, low, high, *_ = programme.plain_two_way(panel, played, 8)
    for at in (0, 1):
        found = two_way(panel, played.outcome[at], 8)
        half = t_quantile(0.975, found.freedom) * found.errors[0]
        expected = [found.coefficients[0], found.coefficients[0] - half, found.coefficients[0] + half]
        assert [value[at], low[at], high[at]] == pytest.approx(expected, abs=1e-9)


def test_the_storage_bench_writes_the_same_rows_in_every_way(
    embedded_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(storage.measure(embedded_server, machines=10, chunk=1_000, chunks=6), capsys)
    assert list(found) == ["commit_rows", "read_rows", "bytes_per_sample", "bytes_per_machine_year"]
    # A line of JSON.
    assert set(found["commit_rows"]["peers"]) == {"bare copy", "row-wise copy", "executemany"}  # type: ignore[call-overload]  # a line of JSON
    assert found["read_rows"]["conditions"]["rows"] == 6_000  # type: ignore[index]  # a line of JSON


def test_the_recompute_bench_folds_everything_again_to_the_same_rows(
    embedded_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(recompute.measure(embedded_server, machines=10, chunk=5_000, chunks=3), capsys)
    assert list(found) == ["samples_refolded", "restart"]
    assert found["samples_refolded"]["conditions"]["rows of minutes"] > 10  # type: ignore[index]  # a line of JSON


def test_the_boards_bench_asks_every_query_of_every_board(
    embedded_server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(connection: Connection, size: Size) -> Iterator[tuple[str, int]]:
        yield from make_year(connection, size)
        assert differences(connection) == []
        wrong = connection.execute(
            f"select count(*) from stanok.fact_minute where {' + '.join(TIME_COLUMNS)} <> 60000000".encode()
        ).fetchone()
        assert wrong == (0,)

    monkeypatch.setattr(boards, "make_year", looked)
    found = lines(boards.measure(embedded_server, Size(20, 3, 2, 1), rounds=2), capsys)
    assert list(found) == ["query_p95", "live_p95"]
    # A line of JSON.
    asked = [query for line in found.values() for query in line["conditions"]["queries"]]  # type: ignore[index]  # a line of JSON
    panels = [panel for board in boards.built_boards() for panel in board["panels"] if panel.get("targets")]
    assert len(asked) >= len(panels)


def test_the_outage_bench_finds_every_sample_stored_after_the_spool_was_full(
    embedded_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(outage.measure(embedded_server, machines=10, outage_s=240, before_s=30), capsys)
    assert list(found) == ["catch_up", "memory"]
    conditions = found["catch_up"]["conditions"]
    assert conditions["samples stored"] == 270 * 50  # type: ignore[index]  # a line of JSON
    assert conditions["of them waiting for room"] > 0  # type: ignore[index]  # a line of JSON
