"""`stanok programme` from files to words: a registry, everything wrong with it at once, a verdict in two languages."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import core.programme
from stanok.cli import app, main

SAMPLE = Path(core.programme.__file__).parent / "sample.toml"
FIRST = date(2026, 1, 5)
WEEKS = 100


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["programme", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Eight plants of which four get machines that bring a fifth more; weekly sums of their cells."""
    rng = np.random.default_rng(3)
    sites, cells, projects = ["name"], ["name"], []
    weeks = ["cell;week;amount;base;coverage"]
    for number in range(8):
        site, start = f"s{number}", 40 + 6 * (number % 2)
        sites.append(site)
        cells.append(f"{site}/x")
        if number < 4:
            begins = FIRST + timedelta(weeks=start)
            projects.append(f"{number},P,{site},{site}/x,{begins},{begins},4,2026-02-01,2026-09-01,B0,2027,100,BYN")
        for week in range(WEEKS):
            gain = 1.2 if number < 4 and week >= start else 1.0
            amount = 60 * gain * (1 + 0.02 * rng.standard_normal()) + number
            weeks.append(f"{site}/x;{FIRST + timedelta(weeks=week)};{amount};168;1")
    keys = "name programme site cells begins act ramp_up_weeks baseline_from baseline_to baseline_tier price_year cost"
    tables = {
        "site": sites,
        "programme": ["name", "P"],
        "cell": cells,
        "project": [",".join([*keys.split(), "currency"]), *projects],
        "weeks": weeks,
    }
    for name, lines in tables.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_the_sample_passes_the_check() -> None:
    assert run("check", SAMPLE) == "2 sites, 1 programmes, 2 cells, 1 projects, 2 assets, 1 operations, 0 standards\n"


def test_every_complaint_is_a_line_with_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.csv"
    file.write_text("name,country\na,\na,\n,x\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["stanok", "programme", "check", str(file), str(tmp_path / "none.toml")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "none.toml: cannot be read" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["stanok", "programme", "check", str(file)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.partition("site.csv:")[2][:12] for line in told] == ["3: site.name", "4: site.name"]


def test_an_effect_is_judged_from_files_in_words_and_as_json(files: Path) -> None:
    registry = [files / f"{name}.csv" for name in ("site", "programme", "cell", "project")]
    asked = [*registry, "--programme", "P", "--weeks", files / "weeks.csv"]
    assert run("evaluate", *asked).startswith("Better: output in frozen standard hours differs by +")
    assert run("evaluate", *asked, "--lang", "ru").startswith("Лучше: выпуск по неизменным нормам отличается на +")
    found = json.loads(run("evaluate", *asked, "--json"))
    assert found["finding"] == "better"
    assert found["low"] < 0.2 * 60 / 168 < found["high"]
    assert (found["plants"], found["treated"]) == (8, 4)
    assert run("evaluate", *asked, "--json") == run("evaluate", *asked, "--json")
