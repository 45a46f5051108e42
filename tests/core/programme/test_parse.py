"""The registry: the sample is read, and every error is told with file and line, all at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import core.programme
from core.errors import RegistryError
from core.programme.parse import parse_registry
from core.programme.registry import Money, Registry, Tier

SAMPLE = (Path(core.programme.__file__).parent / "sample.toml").read_text(encoding="utf-8")
HEAD = """[[site]]
name = "minsk"
[[programme]]
name = "P"
"""
ASSETS = "inventory;site;model;cost;currency;price_year;replaces\n"


def told(**files: str) -> list[str]:
    with pytest.raises(RegistryError) as caught:
        parse_registry({name.replace("_", "."): text for name, text in files.items()})
    return list(caught.value.complaints)


def test_the_sample_is_a_registry() -> None:
    found = parse_registry({"sample.toml": SAMPLE})
    (project,) = found.projects
    assert project.tier is Tier.B0
    assert project.cost == Money(1_250_000, "BYN", 2027)
    assert project.act == date(2027, 6, 14)
    old, new = found.assets
    assert new.replaces == (old.inventory,)
    assert new.localisation is not None
    assert new.localisation.points == 62
    assert old.localisation is None
    assert found.operations[0].evidenced_hours == 612.5


def test_a_spreadsheet_in_russian_habits_says_the_same() -> None:
    rows = "\ufeff" + ASSETS + '1;minsk;16К20;;;;\n2;minsk;ГС526;"1 250,50";BYN;2027;1\n3;minsk;;;;;\n4;minsk;;;;;2|3\n'
    found = parse_registry({"head.toml": HEAD, "asset.csv": rows})
    assert found.assets[1].cost == Money(1250.5, "BYN", 2027)
    assert [asset.replaces for asset in found.assets] == [(), ("1",), (), ("2", "3")]


def test_every_error_of_all_files_is_told_at_once_with_file_and_line() -> None:
    project = """
[[project]]
name = "A"
programme = "Q"
site = "minks"
baseline_from = 2027-02-01
baseline_to = 2027-01-01
baseline_tier = "B0"
begins = 2027-03-01
act = 2027-02-01
cost = 5
"""
    rows = ASSETS + "1;minsk;;;;;2\n2;minsk;;;;;1\n2;minsk;;;EUR;;\n4;minsk;;7;;2027;5\n5;minsk\n"
    found = told(head_toml=HEAD + project, asset_csv=rows)
    assert [line.partition(" ")[0] for line in found] == [
        "asset.csv:2:",
        "asset.csv:4:",
        "asset.csv:4:",
        "asset.csv:5:",
        "asset.csv:5:",
        "asset.csv:6:",
        "head.toml:8:",
        "head.toml:9:",
        "head.toml:11:",
        "head.toml:14:",
        "head.toml:15:",
        "head.toml:15:",
    ]
    text = "\n".join(found)
    for sentence in (
        "asset.csv:2: asset.replaces: goes round in a circle: 1 → 2 → 1",
        "asset.csv:4: asset.currency: stands without cost",
        'asset.csv:4: asset.inventory: "2" is already there, at asset.csv:3',
        "asset.csv:5: asset.cost: stands without currency, such as BYN or RUB",
        'asset.csv:5: asset.replaces: there is no asset of this site named "5"',
        "asset.csv:6: asset: has 2 cells, but the first row has 7",
        'head.toml:8: project.programme: there is no programme named "Q"',
        'head.toml:9: project.site: there is no site named "minks"; did you mean "minsk"?',
        "head.toml:11: project.baseline_to: 2027-01-01 is before baseline_from 2027-02-01",
        "head.toml:14: project.act: 2027-02-01 is before begins 2027-03-01",
        "head.toml:15: project.cost: stands without price_year, the year whose prices it is in",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[site]\n", "a.toml:1: is not valid TOML"),
        ('[[site]]\nname = "a/b"\n', 'a.toml:2: site.name: must not contain "/"'),
        ("[[plant]]\nx = 1\n", 'a.toml:1: "plant" is not a kind of entry'),
        ('[site]\nname = "a"\n', "a.toml:1: site: each entry stands under its own [[site]]"),
        ('[[site]]\nname = "a"\nnmae = 1\n', "a.toml:3: site.nmae: is not a known key"),
        ('[[site]]\nname = "a"\n[[site]]\nname = "a"\n', 'a.toml:4: site.name: "a" is already there, at a.toml:1'),
        (
            '[[site]]\ntitle = """\nname = 1\n"""\ncountry = 5\nname = "a"\n',
            "a.toml:5: site.country: must be text in quotes, not 5",
        ),
        (
            HEAD + '[[cell]]\nmachines = [\n"minsk/1", # [\n"omsk/2"\n]\nname = "omsk/a"\n',
            'a.toml:10: cell.name: there is no site named "omsk"',
        ),
        (
            HEAD + '[[asset]]\ninventory = "1"\nsite = "minsk"\npoints = 7\nmax_points = 5\nrule_version = "1"\n',
            "a.toml:8: asset.points: 7 is more than max_points 5",
        ),
        (
            HEAD + '[[asset]]\ninventory = "1"\nsite = "minsk"\nreplaces = ["1"]\n',
            "a.toml:8: asset.replaces: goes round in a circle: 1 → 1",
        ),
        (
            HEAD + '[[operation]]\ncode = "o"\nsite = "minsk"\nasset = "7"\nbegins = 2027-02-01\nends = "31.01.2027"\n'
            "evidenced_hours = 1\n",
            "a.toml:10: operation.ends: 2027-01-31 is before begins 2027-02-01",
        ),
    ],
)
def test_a_complaint_names_the_line_of_the_key(text: str, complaint: str) -> None:
    assert any(line.startswith(complaint) for line in told(a_toml=text)), told(a_toml=text)


def test_a_machine_is_replaced_once_only() -> None:
    rows = ASSETS + "1;minsk;;;;;\n2;minsk;;;;;1\n3;minsk;;;;;1\n"
    assert told(head_toml=HEAD, asset_csv=rows) == [
        'asset.csv:4: asset.replaces: "1" is already replaced, at asset.csv:3'
    ]


def test_a_csv_file_that_is_named_after_nothing_is_refused() -> None:
    assert told(assets_csv=ASSETS) == [
        'assets.csv:1: a CSV file is named after what it holds, such as asset.csv; did you mean "asset"?'
    ]


def test_nothing_registered_is_a_registry_too() -> None:
    assert parse_registry({}) == Registry((), (), (), (), (), ())
