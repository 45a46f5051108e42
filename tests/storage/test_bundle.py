"""The bundle file: what was signed comes back, what was changed does not, and nonsense is refused though signed."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from core.errors import InputError
from core.units import HOUR_US
from storage.bundle import Machine, Made, new_key, opened, private_key, public, renamer
from tests.seeds import seeds
from tests.storage.bundles import KEY, MACHINE, PEM, bundle, digest, file, result, sums


def test_a_bundle_comes_back_as_it_was_signed() -> None:
    found = opened(file(bundle()))
    assert found.bundle == bundle()
    assert found.key == public(KEY)
    assert found.hash == digest(bundle())


def test_the_same_results_make_the_same_bytes() -> None:
    assert file(bundle()) == file(bundle())


@pytest.mark.parametrize("seed", seeds("bundle", 3))
def test_no_byte_can_be_changed_left_out_or_put_in(seed: int) -> None:
    content, random = file(bundle()), np.random.default_rng(seed)
    for place in random.integers(0, len(content), 60).tolist():
        for changed in (
            content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
            content[:place] + content[place + 1 :],
            content[:place] + b" " + content[place:],
        ):
            with pytest.raises(InputError, match=r"was changed after|is no bundle"):
                opened(changed)


def test_another_keys_name_on_a_foreign_signature_is_refused() -> None:
    content = file(bundle())
    other = public(new_key()[0]).hex().encode()
    with pytest.raises(InputError, match="was changed after it was signed"):
        opened(content.replace(public(KEY).hex().encode(), other, 1))


@pytest.mark.parametrize("content", [b"", b"{}", b"stanok-bundle 2 00 00\n{}", b"\xff" * 100, b"PK\x03\x04"])
def test_what_is_no_bundle_is_said_so(content: bytes) -> None:
    with pytest.raises(InputError, match="is no bundle of a version that this program reads"):
        opened(content)


def signed_text(change: Any) -> bytes:
    """A file whose JSON was changed before it was signed, by a program that is not ours."""
    content = json.loads(file(bundle()).partition(b"\n")[2])
    change(content)
    body = json.dumps(content).encode()
    head = f"stanok-bundle 1 {public(KEY).hex()} {KEY.sign(b'stanok-bundle 1' + bytes([10]) + body).hex()}"
    return head.encode() + b"\n" + body


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.pop("plant"),
        lambda found: found.update(extra=1),
        lambda found: found.update(number=0),
        lambda found: found.update(previous="00"),
        lambda found: found["results"][0].update(failures=-1),
        lambda found: found["results"][0].update(day="2026-02-30"),
        lambda found: found["results"][0]["made"][0]["sums"].__setitem__(0, 0.5),
        lambda found: found.update(plant="a\u0000b"),
        lambda found: found.update(made="2026-04-01T00:00:00"),
    ],
)
def test_what_is_signed_but_of_another_form_is_refused(change: Any) -> None:
    with pytest.raises(InputError, match="is signed but cannot be read"):
        opened(signed_text(change))


def test_json_that_another_program_wrote_and_signed_is_taken() -> None:
    assert opened(signed_text(lambda _: None)).bundle == bundle()


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (bundle(columns=["apt"]), "columns are not those of this version"),
        (bundle([result(machine="minsk/other")]), "of a machine that it does not list"),
        (bundle(machines=[Machine("ural/lathe-1", "", "")]), "ural/lathe-1 is a machine of another plant"),
        (bundle(zone="Moon/Base"), "there is no time zone Moon/Base"),
        (bundle([result(day=date(2026, 4, 3))]), "was not over when it was made"),
        (bundle([result(), result()]), "is there twice"),
        (bundle([result(made=[Made("SHAFT", [1])])]), "another number of columns"),
        (bundle([result(made=[Made("A", sums(apt=-1))])]), "apt is below 0"),
        (bundle([result(made=[Made("A", sums(apt=9 * HOUR_US))])]), "more time than the clock"),
        (bundle([result(made=[Made("A", sums(apt=1)), Made("A", sums())])]), "a row is there twice"),
        (bundle([result(repaired=1)]), "a part is greater than its whole"),
    ],
)
def test_what_no_plant_can_have_measured_is_refused_though_it_is_signed(made: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=f"is signed but cannot be true: .*{sentence}"):
        opened(file(made))


def test_a_gain_in_overrides_is_no_nonsense() -> None:
    assert opened(file(bundle([result(made=[Made("A", sums(feed_override_loss=-5))])])))


def test_the_hash_of_a_result_is_that_of_everything_but_its_revision() -> None:
    one = result()
    assert replace(one, revision=7).hash == one.hash
    assert replace(one, failures=1).hash != one.hash


def test_keys_come_back_and_other_files_are_no_keys() -> None:
    assert public(private_key(PEM)) == public(KEY)
    with pytest.raises(InputError, match="holds no private key"):
        private_key(b"nothing")
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(InputError, match="another kind than Ed25519"):
        private_key(other)


def test_pseudonyms_last_as_long_as_the_key_and_keep_the_plant() -> None:
    rename = renamer(KEY)
    assert rename(MACHINE) == renamer(private_key(PEM))(MACHINE) != renamer(new_key()[0])(MACHINE)
    assert re.fullmatch(r"minsk/[0-9a-f]{16}", rename(MACHINE))
    assert rename("SHAFT") != rename("BUSH")
