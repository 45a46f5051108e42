"""Bundles from a plant's database into files, and from files into the ministry's database.

The private key lies in the data directory, readable by its owner only, and is made on first use. The public key goes
with the bundles; the ministry trusts it after comparing it with the plant by another way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import InputError, OutsideError
from storage.bundle import FIRST, LARGEST, Opened, new_key, opened, private_key, public
from storage.pg.bundles_loaded import Answer, load, revoke, trust
from storage.pg.bundles_made import again, make, site_of
from storage.pg.connect import connect

SUFFIX = ".bundle"
KEY_FILE = "bundle.key"


@dataclass(frozen=True)
class Wish:
    """What a person wants written: which site (the only one), under which key file, with pseudonyms, which again."""

    site: str | None
    key_file: Path
    pseudonyms: bool = False
    number: int | None = None


def write(dsn: str, directory: Path, wish: Wish) -> list[str]:
    """The next bundle of a plant, or one that was made before, into a directory; sentences about what was done."""
    with connect(dsn, "stanok programme bundle") as connection:
        site = site_of(connection, wish.site)
        key = _key(wish.key_file)
        if wish.number is not None:
            path = _write(directory, site, wish.number, again(connection, site, wish.number), key)
            return [f"{path}: as it was made"]
        sent = make(connection, site, key, version("stanok"), pseudonyms=wish.pseudonyms)
    if sent is None:
        return [f"nothing of {site} is new since its last bundle"]
    path = _write(directory, site, sent.number, sent.content, key)
    names = [f"{other} is {name}" for other, name in sorted(sent.names.items(), key=lambda item: item[1])]
    return [f"{path}: {sent.results} results, hash {sent.hash.hex()}, key {public(key).hex()}", *names]


def _write(directory: Path, site: str, number: int, content: bytes, key: Ed25519PrivateKey) -> Path:
    """The bundle, whole or not at all, on the disk or stick when this returns; and the public key beside it."""
    path = directory / f"{site}-{number:06}{SUFFIX}"
    fresh = path.with_suffix(".new")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        (directory / f"{site}.pub").write_text(f"{public(key).hex()}\n", encoding="ascii")
    except OSError as error:
        raise OutsideError(
            f"{path} cannot be written: {error.strerror}; `--number {number}` writes the bundle again"
        ) from error
    return path


def _key(path: Path) -> Ed25519PrivateKey:
    """The key of this installation, made where there is none."""
    try:
        if path.exists():
            return private_key(path.read_bytes())
        key, pem = new_key()
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise InputError(f"--key: {path} cannot be used: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"--key: {path} {error}") from error
    return key


def verify(files: Sequence[Path], key: str | None) -> tuple[bool, list[str]]:
    """Whether files are signed, by this key if one is given, and follow each other; a sentence about each."""
    wanted = None if key is None else _public(key)
    honest, sentences = True, []
    last: dict[str, Opened] = {}
    found: list[tuple[Path, Opened]] = []
    for path in _bundles(files):
        try:
            found.append((path, opened(_read(path))))
        except InputError as error:
            honest = False
            sentences.append(f"{path} {error}")
    for path, one in sorted(found, key=lambda pair: (pair[1].bundle.plant, pair[1].bundle.number)):
        bundle = one.bundle
        wrong = _out_of_line(one, last.get(bundle.plant), wanted)
        honest = honest and not wrong
        last[bundle.plant] = one
        signer = f"signed by {one.key.hex()}" + ("" if wanted else ", whose key that is only people can tell")
        what = f"bundle {bundle.number} of {bundle.plant}, {len(bundle.results)} results"
        sentences.append(f"{path}: {what}, {wrong or signer}")
    return honest, sentences


def _out_of_line(one: Opened, before: Opened | None, wanted: bytes | None) -> str:
    if wanted is not None and one.key != wanted:
        return f"is signed by another key, {one.key.hex()}"
    if before is None:
        first = one.bundle.number == 1
        return "does not begin the chain as a first bundle does" if first and one.bundle.previous != FIRST.hex() else ""
    if one.hash == before.hash:
        return ""
    if one.bundle.number > before.bundle.number + 1:
        return f"bundle {before.bundle.number + 1} is missing before it"
    follows = one.bundle.number == before.bundle.number + 1 and one.bundle.previous == before.hash.hex()
    return "" if follows else f"does not follow from bundle {before.bundle.number}"


def take(dsn: str, files: Sequence[Path], now: datetime) -> tuple[bool, list[str]]:
    """Load bundles into the ministry's database; whether all could be taken, and a sentence about each."""
    read: list[tuple[str, bytes]] = []
    unread: list[str] = []
    for path in _bundles(files):
        try:
            read.append((path.name, _read(path)))
        except InputError as error:
            unread.append(str(error))
    with connect(dsn, "stanok ministry load") as connection:
        answers = load(connection, read, now)
    return not unread and all(not answer.why for answer in answers), [*map(_say, answers), *unread]


def _say(answer: Answer) -> str:
    if answer.why:
        named = f" (bundle {answer.number} of {answer.plant})" if answer.number else ""
        return f"{answer.file}{named}: refused, it {answer.why}"
    revised = f", {answer.revised} of them revisions" if answer.revised else ""
    return f"{answer.file}: bundle {answer.number} of {answer.plant} {answer.taken}, {answer.results} results{revised}"


def trust_key(dsn: str, site: str, key: str, now: datetime, *, end: bool = False) -> str:
    """A plant's public key (hex, or a file that holds it) is trusted from now on, or not any more."""
    found = _public(key)
    with connect(dsn, "stanok ministry trust") as connection:
        (revoke if end else trust)(connection, site, found, now)
    return f"{found.hex()} {'signs no more' if end else 'signs'} for {site}"


def _public(key: str) -> bytes:
    text = key.strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        try:
            text = Path(key).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise InputError(f"{key} is neither a key of 64 hexadecimal digits nor a file with one") from None
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise InputError(f"{key} holds no key of 64 hexadecimal digits")
    return bytes.fromhex(text)


def _bundles(paths: Sequence[Path]) -> list[Path]:
    """The files, and of directories what ends in .bundle."""
    return [found for path in paths for found in (sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path])]


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than any bundle")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
