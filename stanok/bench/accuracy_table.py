"""The table of `stanok bench accuracy` in docs/*/accuracy.md, made from its figures and from nothing else."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import InputError
from stanok.bench.report import Figure

BEGIN, END = "<!-- table: stanok bench accuracy --docs docs -->", "<!-- end of table -->"
_HEADS = {
    "en": "faults|seed|machine-days|machine-shifts|class error, points|parts|parts wrong|outside the band"
    "|error of OEE, points|width of OEE's band, points|wider than explained, points|unknown, h|line cut, h",
    "ru": "неисправности|seed|станко-дней|станко-смен|ошибка класса, п. п.|деталей|неверных деталей|вне полосы"
    "|ошибка OEE, п. п.|ширина полосы OEE, п. п.|шире объяснимой, п. п.|неизвестно, ч|обрыв линии, ч",
}
_MADE = {
    "en": "Made on {date} by `{command}`, {machine}. Time classes differ by at most what the column says.",
    "ru": "Получено {date} командой `{command}`, {machine}. Классы времени отличаются не более чем на указанное.",
}


def kept(figures: Iterable[Figure], directory: Path | None) -> Iterator[Figure]:
    """The same figures; at their end the table stands in the documents of `directory` (en and ru) if it is given."""
    found = []
    for figure in figures:
        found.append(figure)
        yield figure
    if directory is not None:
        for language in _HEADS:
            _put(directory / language / "accuracy.md", text(found, language))


def text(figures: Iterable[Figure], language: str) -> str:
    """The table as Markdown, a row for each set of faults, with what it was made by."""
    rows: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        rows.setdefault(str(figure.conditions["faults"]), {})[figure.name] = figure
    head = f"| {_HEADS[language].replace('|', ' | ')} |"
    line = "|" + "---|" * (_HEADS[language].count("|") + 1)
    any_figure = next(iter(next(iter(rows.values())).values()))
    made = _MADE[language].format(
        date=datetime.now(UTC).strftime("%Y-%m-%d" if language == "en" else "%d.%m.%Y"),
        command=f"stanok bench accuracy --scenario {any_figure.conditions['scenario']} "
        f"--hours {any_figure.conditions['hours']}{' --direct' if any_figure.conditions['direct'] else ''} --docs docs",
        machine=f"{platform.machine()}, {os.cpu_count()} × CPU, Python {platform.python_version()}",
    )
    return "\n".join([made, "", head, line, *(_row(name, row, language) for name, row in rows.items())])


def _row(name: str, row: Mapping[str, Figure], language: str) -> str:
    shift: Mapping[str, Any] = row["outside_band"].conditions
    cells = [
        f"`{name}`" if name != "all" else "**all**" if language == "en" else "**все**",
        str(shift["seed"]) if name != "all" else "",
        f"{row['machine_days'].value:g}",
        str(shift["machine_shifts"]),
        f"{row['class_error_max'].value:.6f}",
        str(row["parts_wrong"].conditions["parts_true"]),
        f"{row['parts_wrong'].value:g}",
        f"{row['outside_band'].value:g}",
        f"{shift['value_errors'].get('oee', 0.0):.3f}",
        f"{shift['oee_band_mean_width']:.3f}" if name != "all" and "oee_band_mean_width" in shift else "",
        f"{row['band_excess_max'].value:.3f}",
    ]
    time = row["class_error_max"].conditions
    found = " | ".join([*cells, f"{time['unknown_h']:.3f}", f"{time['cut_h']:.3f}"])
    return f"| {found.replace('.', ',') if language == 'ru' else found} |"


def _put(path: Path, table: str) -> None:
    try:
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        _, found, after = rest.partition(END)
        if not found:
            raise InputError(f"--docs: {path} has no place for the table, between {BEGIN} and {END}")
        path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--docs: {path}: {error.strerror}") from error
