"""Bundles as files: what `verify` says of a stick, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from stanok.bundles import verify
from storage.bundle import Bundle, new_key, public
from tests.storage.bundles import KEY, bundle, digest, file, result

FIRST = bundle()
SECOND = bundle([result(shift="2")], 2, digest(FIRST))
THIRD = bundle([result(shift="3")], 3, digest(SECOND))


def stick(tmp_path: Path, *made: Bundle) -> Path:
    for number, one in enumerate(made):
        (tmp_path / f"{number}.bundle").write_bytes(file(one))
    return tmp_path


def test_a_whole_chain_is_as_it_was_signed(tmp_path: Path) -> None:
    honest, lines = verify([stick(tmp_path, THIRD, FIRST, SECOND, SECOND)], public(KEY).hex())
    assert honest
    assert [line.partition(": ")[2].partition(",")[0] for line in lines] == [
        *("bundle 1 of minsk", "bundle 2 of minsk", "bundle 2 of minsk", "bundle 3 of minsk"),
    ]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ((FIRST, THIRD), "bundle 2 is missing before it"),
        ((FIRST, bundle([result(shift="2")], 2, b"\x01" * 32)), "does not follow from bundle 1"),
        ((FIRST, bundle([result(shift="2")])), "does not follow from bundle 1"),
        ((bundle(previous=b"\x01" * 32),), "does not begin the chain"),
    ],
)
def test_what_was_left_out_or_put_in_is_told(tmp_path: Path, made: tuple[Bundle, ...], sentence: str) -> None:
    honest, lines = verify([stick(tmp_path, *made)], None)
    assert not honest
    assert sentence in lines[-1]


def test_a_later_part_of_a_chain_stands_by_itself(tmp_path: Path) -> None:
    assert verify([stick(tmp_path, SECOND, THIRD)], None)[0]


def test_another_key_than_the_expected_one_is_told(tmp_path: Path) -> None:
    other = tmp_path / "minsk.pub"
    other.write_text(public(new_key()[0]).hex())
    honest, lines = verify([stick(tmp_path, FIRST)], str(other))
    assert not honest
    assert "is signed by another key" in lines[0]
    with pytest.raises(InputError, match="neither a key of 64 hexadecimal digits nor a file"):
        verify([tmp_path], "nothing")
