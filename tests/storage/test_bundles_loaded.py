"""The ministry's side: whose bundles are loaded, in which order, and what is noted of those that are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.errors import InputError, RegistryError
from storage.bundle import Bundle, Machine, Made, new_key, public
from storage.pg.bundles_loaded import Taken, load, revoke, trust
from storage.pg.connect import Connection
from storage.pg.registry import current_registry, load_registry
from tests.storage.bundles import DAY, KEY, NOW, bundle, digest, file, result, sums


@pytest.fixture
def ministry(emptied: Connection) -> Connection:
    trust(emptied, "minsk", public(KEY), NOW)
    return emptied


def take(connection: Connection, *made: Bundle) -> list[str]:
    """Load some bundles at once; why each was refused, empty where it was not."""
    return [answer.why for answer in load(connection, [("a.bundle", file(one)) for one in made], NOW)]


def rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


URAL = bundle([result(machine="ural/mill-1")], plant="ural", machines=[Machine("ural/mill-1", "", "")])
SECOND = bundle([result(shift="2")], 2, digest(bundle()))


def test_bundles_in_any_order_are_loaded_in_that_of_their_chain(ministry: Connection) -> None:
    assert take(ministry, SECOND, bundle()) == ["", ""]
    assert rows(ministry, "select number from stanok.bundle order by 1") == [(1,), (2,)]
    assert rows(ministry, "select count(*) from stanok.plant_shift") == [(2,)]


def test_the_same_bundle_twice_is_one(ministry: Connection) -> None:
    answers = [load(ministry, [("a.bundle", file(bundle()))], NOW)[0].taken for _ in range(2)]
    assert answers == [Taken.LOADED, Taken.ALREADY]
    assert rows(ministry, "select count(*) from stanok.plant_result") == [(1,)]


def test_a_missing_bundle_is_asked_for_by_its_number(ministry: Connection) -> None:
    (why,) = take(ministry, SECOND)
    assert "follows bundle 1, which was not loaded; ask the plant for bundle 1" in why
    assert rows(ministry, "select file, site from stanok.bundle_refused") == [("a.bundle", "minsk")]
    assert rows(ministry, "select count(*) from stanok.plant_shift") == [(0,)]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (bundle([result(failures=1)]), "is not the bundle with this number that was loaded before"),
        (bundle([result(shift="2")], 2, b"\x01" * 32), "does not follow from the bundle before it"),
        (bundle([result(revision=3)], 2, digest(bundle())), "has revision 3 of minsk/lathe-1"),
        (bundle([result(revision=1)], 2, digest(bundle())), "after revision 1; this does not follow"),
        (bundle([result(shift="2")], 2, digest(bundle()), made=NOW + timedelta(days=2)), "which is still to come"),
        (URAL, "which nobody has said to be the plant's"),
    ],
)
def test_what_does_not_follow_is_refused_and_changes_nothing(ministry: Connection, made: Bundle, sentence: str) -> None:
    assert take(ministry, bundle()) == [""]
    (why,) = take(ministry, made)
    assert sentence in why
    assert rows(ministry, "select count(*) from stanok.bundle") == [(1,)]
    assert rows(ministry, "select count(*) from stanok.plant_shift") == [(1,)]


def test_a_key_signs_for_its_own_plant_until_it_is_revoked(ministry: Connection) -> None:
    other, _ = new_key()
    why = load(ministry, [("a.bundle", file(bundle(), other))], NOW)[0].why
    assert f"is signed by the key {public(other).hex()}" in why
    assert take(ministry, bundle()) == [""]
    revoke(ministry, "minsk", public(KEY), NOW)
    assert "which was revoked" in take(ministry, SECOND)[0]
    with pytest.raises(InputError, match="has no trusted key"):
        revoke(ministry, "minsk", public(KEY), NOW)
    trust(ministry, "minsk", public(other), NOW)
    assert load(ministry, [("a.bundle", file(SECOND, other))], NOW)[0].why == "", "a new key goes on with the chain"


def test_one_bad_file_stops_no_other(ministry: Connection) -> None:
    files = [("bad.bundle", b"nothing"), ("good.bundle", file(bundle()))]
    assert [answer.taken for answer in load(ministry, files, NOW)] == [Taken.REFUSED, Taken.LOADED]


def test_the_greatest_revision_holds_and_the_others_stay(ministry: Connection) -> None:
    fewer = replace(result(), revision=2, made=[Made("SHAFT", sums(apt=1, parts_total=0))])
    assert take(ministry, bundle(), bundle([fewer], 2, digest(bundle()))) == ["", ""]
    assert rows(
        ministry, "select revision, parts from stanok_formula.held join stanok_formula.reported using (day)"
    ) == [(2, 0)]
    assert rows(ministry, "select count(*) from stanok.plant_shift") == [(2,)]
    with pytest.raises(Exception, match="only grows"):
        ministry.execute("delete from stanok.plant_result")


REGISTRY = "[[programme]]\nname = 'a'\n[[site]]\nname = 'minsk'\n"


def test_the_last_registry_holds_and_wrong_ones_change_nothing(emptied: Connection) -> None:
    first = load_registry(emptied, {"a.toml": REGISTRY}, NOW).number
    with pytest.raises(RegistryError):
        load_registry(emptied, {"a.toml": "[[site]]\nnam = 'x'\n"}, NOW)
    assert current_registry(emptied).number == first
    more = REGISTRY + "[[site]]\nname = 'ural'\n[[cell]]\nname = 'ural/x'\nmachines = ['ural/a', 'ural/b']\n"
    assert load_registry(emptied, {"a.toml": more}, NOW).number > first
    assert [site.name for site in current_registry(emptied).registry.sites] == ["minsk", "ural"]
    assert rows(emptied, "select machines from stanok.cell") == [(["ural/a", "ural/b"],)]
    assert rows(emptied, "select count(*) from stanok.registry_version") == [(2,)]


def test_signals_are_shown_from_their_marks_on(ministry: Connection) -> None:
    load_registry(ministry, {"a.toml": REGISTRY}, NOW)
    odd = [
        result(shift="1", told=4, told_late=2),
        result(shift="2", made=[Made("SHAFT", sums(parts_total=1, parts_good=1))]),
        result(shift="3", scrap_told=1),
        result(day=DAY.replace(day=24)),
    ]
    assert take(ministry, bundle(odd)) == [""]
    found = rows(ministry, "select signal, detail, value from board.programme_integrity order by signal")
    assert found == [
        ("parts_without_runtime", "minsk/lathe-1", 1.0),
        ("repeated", "minsk/lathe-1", 3.0),
        ("scrap_told", "", 0.25),
        ("told_late", "", 0.5),
    ]
