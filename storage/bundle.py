"""A bundle: what a plant reports to a ministry, as one signed file that travels by any way, a USB stick too.

The file is text: a first line `stanok-bundle 1 KEY SIGNATURE`, public key and Ed25519 signature in hex, then one JSON
object in UTF-8 to the end. Signed are the words `stanok-bundle 1`, a line feed, and the bytes of the object as they
stand, so that nothing depends on how somebody's program writes JSON.

Invariants:
- A bundle holds sums of closed production days only: no samples, no minutes, no names of people.
- Bundles of a plant are numbered from 1 and each carries the hash of the one before, so none can be left out, put in
  or changed unnoticed; a result is sent again only if it differs, then with the next revision.
- What `opened` returns was signed by the key it names, and holds nothing that could not have been measured. Whether
  the key is the plant's is another question, which only people can answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.errors import InputError
from core.facts.schema import REPORTED, TIME_COLUMNS

FIRST = bytes(32)
"""What stands for the hash before the first bundle."""
LARGEST = 256 << 20
"""Bytes of a file that are read at most: a year of a thousand machines has less."""
_MARK = b"stanok-bundle 1"
_HEAD = re.compile(_MARK + rb" ([0-9a-f]{64}) ([0-9a-f]{128})")
_COUNTS_BELOW_0 = frozenset({"feed_override_loss", "spindle_override_loss", "rapid_override_loss"})
_LONGEST = timedelta(hours=49)
"""What one entry can cover: a production day, its last shift, and the hour of a clock change."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Word = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine that the plant reports on."""

    name: Name
    title: Word
    area: Word


class Standard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A standard time of a part program [µs], 0: none is known."""

    part: Name
    valid_from: Moment
    pri_us: Count
    provenance: Word


class Made(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sums of one part program (empty: none) in the order of the bundle's `columns`."""

    part: Word
    sums: list[Whole]


class Lost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Time without production [µs] of a class of reasons; empty: nobody gave one."""

    cause: Word
    us: Count


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine and shift; an empty shift is the time of the production day outside shifts."""

    machine: Name
    day: date
    shift: Word
    start: Moment | None
    end: Moment | None
    made: list[Made]
    lost: list[Lost]
    failures: Count = 0
    repaired: Count = 0
    repair_us: Count = 0
    told: Count = 0
    told_late: Count = 0
    scrap_told: Count = 0
    revision: Number = 1

    @property
    def key(self) -> tuple[str, date, str]:
        """What it is about."""
        return self.machine, self.day, self.shift

    @property
    def hash(self) -> bytes:
        """sha256 of everything but the revision."""
        return hashlib.sha256(_ENCODER.encode(msgspec.structs.replace(self, revision=1))).digest()


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed. `plant`: name of the site; `previous`: hash of the bundle before, in hex."""

    plant: Name
    title: Word
    zone: Name
    number: Number
    previous: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    made: Moment
    pseudonyms: bool
    definition: Word
    software: Word
    columns: list[Name]
    machines: list[Machine]
    standards: list[Standard]
    results: list[Result]


@dataclass(frozen=True)
class Opened:
    """A bundle whose signature fits. `hash`: of what was signed, which the next bundle carries."""

    bundle: Bundle
    key: bytes
    hash: bytes


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Bundle)


def signed(bundle: Bundle, key: Ed25519PrivateKey) -> tuple[bytes, bytes]:
    """The file of a bundle, and the hash of what was signed."""
    body = _ENCODER.encode(bundle)
    head = b" ".join([_MARK, public(key).hex().encode(), key.sign(_MARK + b"\n" + body).hex().encode()])
    return head + b"\n" + body, hashlib.sha256(body).digest()


def opened(content: bytes) -> Opened:
    """The bundle of a file; InputError, completing "FILE …", for one that is none, was changed, or cannot be true."""
    head, _, body = content.partition(b"\n")
    found = _HEAD.fullmatch(head)
    if found is None:
        raise InputError("is no bundle of a version that this program reads")
    key, signature = (bytes.fromhex(part.decode()) for part in found.groups())
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _MARK + b"\n" + body)
    except (InvalidSignature, ValueError):
        raise InputError("was changed after it was signed, or damaged on its way; ask the plant for it again") from None
    try:
        bundle = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is signed but cannot be read: {error}") from error
    for complaint in _untrue(bundle):
        raise InputError(f"is signed but cannot be true: {complaint}")
    return Opened(bundle, key, hashlib.sha256(body).digest())


def named_plant(content: bytes) -> str:
    """The plant that a file names, to be told beside a refusal; nothing is proven. Empty if it names none."""
    try:
        return msgspec.json.decode(content.partition(b"\n")[2], type=_Named).plant
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _Named(msgspec.Struct):
    plant: Name


def _untrue(bundle: Bundle) -> Iterable[str]:
    """What no plant can have measured."""
    if bundle.columns != list(REPORTED):
        yield "its columns are not those of this version; bring both sides to one version"
        return
    if not _is_zone(bundle.zone):
        yield f"there is no time zone {bundle.zone}"
    machines = {machine.name for machine in bundle.machines}
    for name in machines:
        if name.partition("/")[0] != bundle.plant:
            yield f"{name} is a machine of another plant"
    last = (bundle.made + timedelta(days=1)).date()
    seen = set()
    for result in bundle.results:
        where = f"{result.machine} {result.day} {result.shift or 'outside shifts'}"
        if result.machine not in machines:
            yield f"{where} is of a machine that it does not list"
        if result.day > last:
            yield f"{where} was not over when it was made"
        if result.key in seen:
            yield f"{where} is there twice"
        seen.add(result.key)
        for complaint in _untrue_sums(result):
            yield f"{where}: {complaint}"


def _is_zone(name: str) -> bool:
    """Whether it is an IANA name; a database asked for local days would fail on any other."""
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _untrue_sums(result: Result) -> Iterable[str]:
    if any(len(made.sums) != len(REPORTED) for made in result.made):
        yield "a row has another number of columns"
        return
    if len({made.part for made in result.made}) < len(result.made) or len({x.cause for x in result.lost}) < len(
        result.lost
    ):
        yield "a row is there twice"
    for name, values in zip(REPORTED, zip(*(made.sums for made in result.made), strict=True), strict=False):
        if name not in _COUNTS_BELOW_0 and min(values) < 0:
            yield f"{name} is below 0"
    known = sum(sum(made.sums[: len(TIME_COLUMNS)]) for made in result.made)
    length = result.end - result.start if result.start and result.end else _LONGEST
    if known > length / timedelta(microseconds=1):
        yield "it has more time than the clock"
    if result.repaired > result.failures or result.told_late > result.told:
        yield "a part is greater than its whole"


# Keys


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key of a PEM file; InputError, completing "FILE …"."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise InputError(f"holds no private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("holds a key of another kind than Ed25519")
    return key


def new_key() -> tuple[Ed25519PrivateKey, bytes]:
    """A new key and its PEM file."""
    key = Ed25519PrivateKey.generate()
    return key, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key."""
    return key.public_key().public_bytes_raw()


def renamer(key: Ed25519PrivateKey) -> Callable[[str], str]:
    """Pseudonyms that last as long as the key and that nobody without it can resolve; `site/name` keeps its site.

    64 bits of HMAC-SHA256: two of a plant's names meet by chance once in 10^13 plants of a thousand names.
    """
    secret = hashlib.sha256(b"stanok pseudonyms\n" + key.private_bytes_raw()).digest()

    def renamed(name: str) -> str:
        site, slash, _ = name.rpartition("/")
        return site + slash + hmac.digest(secret, name.encode(), "sha256").hex()[:16]

    return renamed
