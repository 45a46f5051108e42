"""The documents: links lead somewhere, commands and tables say what the code says, both languages are there.

What a document claims in a table is compared with the code; prose is for readers to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from core.engine.transitions import TIME_CLASS
from core.vocabulary import Cause, Role, Situation, State, TimeClass, meaning, signal_names
from stanok.cli import app
from stanok.plantfile import plant_of, read_toml

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "ru")
PAIRED = (
    "accuracy",
    "demo",
    "plant-file",
    "truth",
    "signals",
    "engineer",
    "demonstrate",
    "ministry",
    "boards",
    "indicators",
    "pitfalls",
    "database",
    "operator",
    "programmes",
)
README = (ROOT / "README.md").read_text(encoding="utf-8")

DEMO = "python3 -m venv .venv && .venv/bin/pip install '.[demo]' && .venv/bin/stanok demo"
TEST = "python3 -m venv .venv-test && .venv-test/bin/pip install -e '.[test]' && .venv-test/bin/python -m pytest"

HOSTS = {"127.0.0.1", "192.0.2.10", "vendor.example", "stanok.example", "keepachangelog.com", "semver.org"}
"""Hosts that a document may name: this computer, examples (RFC 2606, RFC 5737), the rules of the changelog."""
PLACES = (
    "/etc/stanok",
    "/var/lib/stanok",
    "/run/stanok",
    "/status",
    "/state",
    "/healthz",
    "/metrics",
    "/en/tell",
    "/ru/tell",
)
"""Absolute paths that belong to an installation of Stanok, two MQTT topics, and four pages that it serves."""

RUSSIAN_UNITS = {"min⁻¹": "мин⁻¹", "mm/min": "мм/мин", "W": "Вт", "N·m": "Н·м", "Wh": "Вт·ч", "s": "с"}


def files(*kinds: str) -> list[Path]:
    """Files of the repository with these suffixes, without hidden folders and what builds leave."""
    tops = [path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in {"build", "dist"}]
    found = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
    return sorted(path for path in found if path.suffix in kinds and path.is_file())


def prose(text: str) -> str:
    """A document without its fenced blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """The cells of the table rows in a section, without the head."""
    _, _, section = text.partition(f"\n## {heading}\n")
    assert section, f"there is no section {heading!r}"
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    first = next(at for at, line in enumerate(lines) if set(line) <= set("|- "))
    for line in lines[first + 1 :]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def page(language: str, name: str) -> str:
    return (ROOT / "docs" / language / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", files(".md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{target} does not exist"
        if anchor:
            assert anchor in anchors(found), f"{target}: there is no such heading"


@pytest.mark.parametrize("path", files(".md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_machine_or_a_foreign_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    hosts = {host for host in re.findall(r"\w+://([\w.-]+\.[\w-]+)", text) if not host.endswith("opcfoundation.org")}
    assert hosts <= HOSTS
    for place in re.findall(r"(?<![\w./:>}\])*])/[a-z][\w.-]*(?:/[\w.-]+)*", text):
        assert place.startswith(PLACES), place


def test_the_documents_that_code_and_settings_refer_to_exist() -> None:
    for path in files(".py", ".toml", ".sql", ".yml"):
        for named in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(encoding="utf-8")):
            assert (ROOT / named).exists(), f"{path.relative_to(ROOT)}: {named} does not exist"


def test_the_readme_has_the_two_commands_word_for_word() -> None:
    for what, command in (("demo", DEMO), ("test", TEST)):
        assert f"<!-- the {what} command -->\n```sh\n{command}\n```\n" in README
        assert README.count(f"<!-- the {what} command -->") == 1


def test_the_readme_names_every_command_and_no_other() -> None:
    commands = set()
    # Typer promises a group less than it gives.
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]  # a group of commands
        commands |= {f"{name} {sub}" for sub in getattr(command, "commands", {})} or {name}
    shown = [
        name
        for cells in rows(README, "Commands")
        for name in re.findall(r"`stanok ([a-z -]+?)(?: [A-Z].*?)?`", cells[0])
    ]
    assert set(shown) == commands
    assert len(shown) == len(commands)


def test_every_document_for_people_is_there_in_both_languages() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    for name in PAIRED:
        english, russian = page("en", name), page("ru", name)
        assert re.search("[а-яё]{4}", russian, re.IGNORECASE), name
        assert english.count("\n## ") == russian.count("\n## "), f"{name}: sections differ"
        for language in LANGUAGES:
            assert f"]({language}/{name}.md)" in index


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_signals_is_the_vocabulary(language: str) -> None:
    text = page(language, "signals")
    used, stored = re.findall(r"^## (.+)$", text, re.MULTILINE)
    shown: list[str] = []
    for title in (used, stored):
        for cells in rows(text, title):
            for name in re.findall(r"`([^`]+)`", cells[0]):
                plain = name.replace(".N.", ".1.")
                found = meaning(plain)
                assert found is not None, name
                unit = RUSSIAN_UNITS.get(found.unit, found.unit) if language == "ru" else found.unit
                assert [cells[1].strip("–"), cells[2]] == [unit, found.kind], name
                assert (found.role is Role.STORED) == (title == stored), f"{name} stands in the wrong table"
                words = [member.name.lower() for member in found.words] if found.words else []
                assert set(re.findall(r"\b[a-z_]+\b", cells[3].rpartition(":")[2])) >= set(words), name
                shown.append(plain)
    every = {name.replace("power.current.l1", f"power.current.l{n}") for name in signal_names() for n in (1, 2, 3)}
    assert set(shown) == every
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(("language", "title"), [("en", "Calendar"), ("ru", "Календарь")])
def test_the_time_classes_of_the_page_are_those_of_the_engine(language: str, title: str) -> None:
    found = {cells[0]: cells[1:] for cells in rows(page(language, "truth"), title)}
    assert set(found) == {state.name.lower() for state in State}
    for state in State:
        busy, no_order, down, outside = (TimeClass(TIME_CLASS[state, where]).name.lower() for where in Situation)
        assert down == outside
        assert found[state.name.lower()] == [busy, no_order, down]


@pytest.mark.parametrize(("language", "title"), [("en", "State"), ("ru", "Состояние")])
def test_the_state_rules_of_the_page_have_every_cause_and_state(language: str, title: str) -> None:
    table = list(rows(page(language, "truth"), title))
    causes = [cause for cells in table for cause in cells[3].split(", ")]
    assert sorted(causes) == sorted(cause.name.lower() for cause in Cause if cause < Cause.COUNTER_RESET)
    assert {cells[2] for cells in table} == {state.name.lower() for state in State}
    assert {cells[0] for cells in table} == set("012345678")


@pytest.mark.parametrize(("language", "title"), [("en", "Counts in doubt"), ("ru", "Сомнительный счёт")])
def test_the_page_has_every_cause_of_a_count_gap(language: str, title: str) -> None:
    causes = {cells[1] for cells in rows(page(language, "truth"), title)}
    named = {cause.name.lower() for cause in Cause if cause >= Cause.COUNTER_RESET}
    assert causes == named | {"no_data_yet", "bad_data"}


@pytest.mark.parametrize("name", ["plant-file", "engineer"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plant_file_that_is_shown_passes_the_check(language: str, name: str, tmp_path: Path) -> None:
    shown = page(language, name).split("```toml\n")[1].split("```")[0]
    file = tmp_path / "plant.toml"
    file.write_text(shown, encoding="utf-8")
    assert plant_of(read_toml(file)).machines
