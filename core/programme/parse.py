"""Entries of registry files -> Registry, or every complaint at once, each with file and line.

docs/en/programmes.md is the reference of the keys. First the entries are read one by one, then what they say about
each other is checked: references, doubles, cycles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from core.errors import RegistryError
from core.plant.reader import hint, shown
from core.programme.registry import (
    Asset,
    Cell,
    LinkedStandard,
    Localisation,
    Money,
    Operation,
    Outcome,
    Programme,
    Project,
    Registry,
    Site,
    Tier,
)
from core.programme.registry_file import Row, read_entries

MOST_MONEY = 1e13
MOST_HOURS = 1e7
"""Standard hours a year: more than a thousand machines can give is a mistyped number."""
YEARS = (1990, 2100)
MOST_STANDARD_H = 1000
"""An item that takes longer than a thousand hours is no part of a machine tool."""
MOST_POINTS = 10_000
MOST_RAMP_UP_WEEKS = 52
"""A commissioning that takes longer than a year is a project that has not ended."""
RAMP_UP_WEEKS = 8
"""programmes.md §4.4: 8 to 12 weeks, declared beforehand."""


def parse_registry(files: Mapping[str, str]) -> Registry:
    """The registry that some files (name -> text) describe together; RegistryError with every complaint."""
    complaints: list[str] = []
    entries = [entry for name, text in files.items() for entry in read_entries(name, text, complaints)]
    found = [(Row(entry, complaints), entry) for entry in entries]

    def every(kind: str, read: Callable[[Row], Any]) -> list[tuple[Row, Any]]:
        return [(row, _whole(row, read)) for row, entry in found if entry.kind == kind]

    sites, programmes, cells = every("site", _site), every("programme", _programme), every("cell", _cell)
    projects, assets, operations = every("project", _project), every("asset", _asset), every("operation", _operation)
    standards = every("standard", _standard)
    for kind in (sites, programmes, cells, projects):
        _refuse_doubles(kind, "name", lambda noun: noun.name)
    _check_places([*cells, *projects, *assets, *operations], {site.name for _, site in sites})
    _check_projects(projects, {noun.name for _, noun in programmes}, {noun.name: noun for _, noun in cells})
    _check_assets(assets, {noun.name: noun for _, noun in projects})
    _check_operations(operations, {(noun.site, noun.inventory) for _, noun in assets})
    _refuse_doubles(standards, "part", lambda noun: (noun.project, noun.part) if noun.part else None)
    for row, noun in standards:
        _known(row, "project", "project", noun.project, [project.name for _, project in projects])
    if complaints:
        raise RegistryError(sorted(complaints, key=_by_line))
    kinds = (sites, programmes, cells, projects, assets, operations, standards)
    return Registry(*(tuple(noun for _, noun in kind) for kind in kinds))


def _by_line(complaint: str) -> tuple[str, int]:
    found = re.match(r"(.*?):(\d+): ", complaint)
    return (found[1], int(found[2])) if found else ("", 0)


def _whole(row: Row, read: Callable[[Row], Any]) -> Any:
    noun = read(row)
    row.close()
    return noun


def _site(row: Row) -> Site:
    name = row.text("name")
    if "/" in name:
        row.complain("name", f'must not contain "/", which parts site and cell: {shown(name)}')
    return Site(name, row.text("title", name), row.text("country", ""), row.text("stratum", ""))


def _programme(row: Row) -> Programme:
    name = row.text("name")
    return Programme(name, row.text("title", name))


def _cell(row: Row) -> Cell:
    name = row.text("name")
    site, _, rest = name.partition("/")
    if name and (not site or not rest):
        row.complain("name", f'must be "site/cell", not {shown(name)}')
    machines = row.words("machines")
    for machine in machines:
        if machine.partition("/")[0] != site:
            row.complain("machines", f"{shown(machine)} is not a machine of the site {shown(site)}")
    return Cell(name, row.text("title", name), site, row.text("machine_class", ""), machines)


def _project(row: Row) -> Project:
    name = row.text("name")
    begins, act = row.day("begins", required=True), row.day("act", required=False)
    base_from, base_to = row.day("baseline_from", required=True), row.day("baseline_to", required=True)
    _ordered(row, "act", begins, act, "begins")
    _ordered(row, "baseline_to", base_from, base_to, "baseline_from")
    if begins and base_to and base_to > begins:
        row.complain("baseline_to", f"{base_to} is after the project begins ({begins}); the time before ends there")
    weeks = row.number("ramp_up_weeks", 0, MOST_RAMP_UP_WEEKS, RAMP_UP_WEEKS)
    return Project(
        name=name,
        title=row.text("title", name),
        programme=row.text("programme"),
        site=row.text("site"),
        cells=row.words("cells"),
        begins=begins or date.min,
        act=act,
        ramp_up_weeks=round(weeks),
        baseline_from=base_from or date.min,
        baseline_to=base_to or date.min,
        tier=Tier(_one_of(row, "baseline_tier", list(Tier), None)),
        outcome=Outcome(_one_of(row, "outcome", list(Outcome), Outcome.OUTPUT)),
        funding=row.text("funding", ""),
        cost=_money(row),
        planned_hours=row.number_or_none("planned_hours", 0, MOST_HOURS),
        margin_per_hour=row.number_or_none("margin_per_hour", 0, MOST_MONEY),
        more_cost_per_year=row.number("more_cost_per_year", -MOST_MONEY, MOST_MONEY, 0.0),
        sold_share=row.number_or_none("sold_share", 0, 1),
    )


_ASSET_TEXTS = tuple(
    field.name for field in fields(Asset) if field.type == "str" and field.name not in ("inventory", "site")
)
"""Keys of an asset that are words and may be left out."""


def _asset(row: Row) -> Asset:
    shifts = row.number_or_none("planned_shifts", 1, 4)
    return Asset(
        inventory=row.text("inventory"),
        site=row.text("site"),
        localisation=_localisation(row),
        cost=_money(row),
        act=row.day("act", required=False),
        planned_shifts=None if shifts is None else round(shifts),
        replaces=row.words("replaces"),
        **{name: row.text(name, "") for name in _ASSET_TEXTS},
    )


def _operation(row: Row) -> Operation:
    begins, ends = row.day("begins", required=True), row.day("ends", required=True)
    _ordered(row, "ends", begins, ends, "begins")
    hours = row.number("evidenced_hours", 0, MOST_HOURS)
    return Operation(row.text("code"), row.text("site"), row.text("asset"), begins or date.min, ends or date.min, hours)


def _standard(row: Row) -> LinkedStandard:
    hours = row.number("frozen_h", 0, MOST_STANDARD_H)
    return LinkedStandard(row.text("project"), row.text("part"), hours, row.text("provenance"))


def _localisation(row: Row) -> Localisation | None:
    points, most = row.number_or_none("points", 0, MOST_POINTS), row.number_or_none("max_points", 1, MOST_POINTS)
    found = Localisation(
        register=row.text("register", ""),
        number=row.text("register_number", ""),
        issued=row.day("issued", required=False),
        valid_to=row.day("valid_to", required=False),
        points=points,
        max_points=most,
        rule_version=row.text("rule_version", ""),
    )
    _ordered(row, "valid_to", found.issued, found.valid_to, "issued")
    if points is not None and most is None:
        row.complain("points", "stands without max_points; points mean nothing without the most that are possible")
    elif points is not None and most is not None and points > most:
        row.complain("points", f"{points:g} is more than max_points {most:g}")
    if points is not None and not found.rule_version:
        row.complain("points", "stands without rule_version; points of different rules cannot be compared")
    if bool(found.register) != bool(found.number):
        row.complain("register", "goes together with register_number")
    return found if found.register or points is not None else None


def _money(row: Row) -> Money | None:
    cost, currency = row.number_or_none("cost", 0, MOST_MONEY), row.text("currency", "")
    year = row.number_or_none("price_year", *YEARS)
    if cost is None:
        for key, given in (("currency", currency), ("price_year", year)):
            if given:
                row.complain(key, "stands without cost")
        return None
    if not currency:
        row.complain("cost", "stands without currency, such as BYN or RUB")
    elif not re.fullmatch(r"[A-Z]{3}", currency):
        row.complain("currency", f"must be three letters such as BYN or RUB, not {shown(currency)}")
    if year is None:
        row.complain("cost", "stands without price_year, the year whose prices it is in")
    return Money(cost, currency, round(year or 0))


def _one_of(row: Row, key: str, known: list[Any], default: str | None) -> str:
    word = row.text(key, default)
    if word in known:
        return word
    if word:
        row.complain(key, f"must be one of {', '.join(known)}, not {shown(word)}{hint(word, known)}")
    return str(known[-1])


def _ordered(row: Row, key: str, first: date | None, last: date | None, first_key: str) -> None:
    if first and last and last < first:
        row.complain(key, f"{last} is before {first_key} {first}")


def _refuse_doubles(found: list[tuple[Row, Any]], key: str, identity: Callable[[Any], Any]) -> None:
    first: dict[Any, Row] = {}
    for row, noun in found:
        value = identity(noun)
        if value and first.setdefault(value, row) is not row:
            shown_value = value[-1] if isinstance(value, tuple) else value
            row.complain(key, f"{shown(shown_value)} is already there, at {first[value].entry.place}")


def _known(row: Row, key: str, kind: str, name: str, known: Iterable[str]) -> bool:
    known = list(known)
    if name and name not in known:
        row.complain(key, f"there is no {kind} named {shown(name)}{hint(name, known)}")
    return name in known


def _check_places(found: list[tuple[Row, Any]], sites: set[str]) -> None:
    for row, noun in found:
        _known(row, "name" if isinstance(noun, Cell) else "site", "site", noun.site, sites)


def _check_projects(found: list[tuple[Row, Project]], programmes: set[str], cells: Mapping[str, Cell]) -> None:
    for row, project in found:
        _known(row, "programme", "programme", project.programme, programmes)
        for name in project.cells:
            if _known(row, "cells", "cell", name, cells) and cells[name].site != project.site:
                row.complain("cells", f"{shown(name)} is a cell of another site than {shown(project.site)}")


def _check_assets(found: list[tuple[Row, Asset]], projects: Mapping[str, Project]) -> None:
    _refuse_doubles(found, "inventory", lambda asset: (asset.site, asset.inventory) if asset.inventory else None)
    _refuse_doubles(found, "serial", lambda asset: (asset.manufacturer, asset.serial) if asset.serial else None)
    by_site: dict[str, set[str]] = {}
    for _, asset in found:
        by_site.setdefault(asset.site, set()).add(asset.inventory)
    replaced: dict[tuple[str, str], Row] = {}
    for row, asset in found:
        if _known(row, "project", "project", asset.project, projects):
            project = projects[asset.project]
            if project.site != asset.site:
                row.complain("project", f"{shown(project.name)} is a project of the site {shown(project.site)}")
            _ordered(row, "act", project.begins, asset.act, "the beginning of its project")
        for old in asset.replaces:
            if _known(row, "replaces", "asset of this site", old, by_site[asset.site]) and (
                replaced.setdefault((asset.site, old), row) is not row
            ):
                place = replaced[asset.site, old].entry.place
                row.complain("replaces", f"{shown(old)} is already replaced, at {place}")
    _refuse_circles(found)


def _refuse_circles(found: list[tuple[Row, Asset]]) -> None:
    """Each circle of replacements once, at the first of its entries."""
    replaces: dict[tuple[str, str], list[str]] = {}
    for _, asset in found:
        replaces.setdefault((asset.site, asset.inventory), []).extend(asset.replaces)
    told: set[str] = set()
    for row, asset in found:
        circle = _circle(asset.site, asset.inventory, replaces)
        if told.isdisjoint(circle):
            told.update(circle)
            if circle:
                row.complain("replaces", f"goes round in a circle: {' → '.join([*circle, circle[0]])}")


def _circle(site: str, start: str, replaces: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """The shortest way from an asset over what it replaces back to itself, empty if there is none."""
    ways, seen = [[start]], {start}
    for way in ways:
        for old in replaces.get((site, way[-1]), ()):
            if old == start:
                return way
            if old not in seen:
                seen.add(old)
                ways.append([*way, old])
    return []


def _check_operations(found: list[tuple[Row, Operation]], assets: set[tuple[str, str]]) -> None:
    for row, operation in found:
        _known(
            row,
            "asset",
            "asset of this site",
            operation.asset,
            [name for site, name in assets if site == operation.site],
        )
