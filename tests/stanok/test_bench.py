"""The benchmarks run, on little data, and print lines of the agreed shape. How fast they are is never asserted."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from stanok.bench import end_to_end, kernel, recompute, storage
from stanok.bench.report import Figure, report


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
    assert "numpy copy" in found["fold_16k"]["peers"]  # type: ignore[operator]


@pytest.mark.timeout(180)
def test_the_end_to_end_bench_stores_every_sample_on_real_servers(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(end_to_end.measure(None, None, samples=6_000, peer_samples=3_000, changes=20), capsys)
    assert list(found) == ["samples_to_commit", "latency_p50", "latency_p99"]
    assert found["samples_to_commit"]["conditions"]["late stretches"] == 0  # type: ignore[index]


def test_the_storage_bench_writes_the_same_rows_in_every_way(
    embedded_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(storage.measure(embedded_server, machines=10, chunk=1_000, chunks=6), capsys)
    assert list(found) == ["commit_rows", "read_rows", "bytes_per_sample", "bytes_per_machine_year"]
    assert set(found["commit_rows"]["peers"]) == {"bare copy", "row-wise copy", "executemany"}  # type: ignore[call-overload]
    assert found["read_rows"]["conditions"]["rows"] == 6_000  # type: ignore[index]


def test_the_recompute_bench_folds_everything_again_to_the_same_rows(
    embedded_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines(recompute.measure(embedded_server, machines=10, chunk=5_000, chunks=3), capsys)
    assert list(found) == ["samples_refolded", "restart"]
    assert found["samples_refolded"]["conditions"]["rows of minutes"] > 10  # type: ignore[index]
