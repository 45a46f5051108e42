"""What is proven about a source's machines, and the gap records where continuity is not. Pure but for its memory.

Invariants: a proof of life counts from the moment it is stored; a machine without any earlier proof never gets a gap
here; a gap goes from the last stored proof to the first new one and is written as a pair, with that proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from core.samples.records import Gap
from core.vocabulary import Cause


class Stored(msgspec.Struct, frozen=True):
    """What was stored last: of which subscription, which number comes next, how far the source's clock was off."""

    subscription: int = 0
    next_sequence: int = 1
    offset_us: int | None = None


class Kept(msgspec.Struct, frozen=True):
    """The source's state in the spool: last proofs of life by machine name, and what was stored with them."""

    proof_us: dict[str, int]
    last: Stored = Stored()


class Continuity:
    """Last proofs of life (believed clock of the source, µs) and the machines whose continuity is broken."""

    def __init__(self, kept: Kept | None, names: Mapping[int, str]) -> None:
        """`names`: position -> name of the source's machines; `kept` None: the source was never connected."""
        self._names = names
        self._proof_us: dict[int, int] = {}
        self._broken: dict[int, Cause] = {}
        if kept is not None:
            self._proof_us = {index: kept.proof_us[name] for index, name in names.items() if name in kept.proof_us}
        self.broke(Cause.RESTART)

    def broke(self, cause: Cause) -> None:
        """From here on nothing is proven; an earlier cause stays, it began first."""
        self._broken = dict.fromkeys(self._proof_us, cause) | self._broken

    def gaps(self, machines: Iterable[int], at_us: int) -> list[Gap]:
        """The pairs to be stored with the first proof `at_us` of these machines."""
        groups: dict[tuple[int, Cause], list[int]] = {}
        for machine in machines:
            if machine in self._broken:
                groups.setdefault((self._proof_us[machine], self._broken[machine]), []).append(machine)
        pairs: list[Gap] = []
        for (since_us, cause), group in sorted(groups.items()):
            pairs.append(Gap(True, since_us, cause, tuple(group)))
            pairs.append(Gap(False, max(since_us, at_us), cause, tuple(group)))
        return pairs

    def kept(self, machines: Iterable[int], at_us: int, last: Stored) -> bytes:
        """The state to be stored together with a proof."""
        proof_us = {self._names[index]: us for index, us in (self._proof_us | dict.fromkeys(machines, at_us)).items()}
        return msgspec.json.encode(Kept(proof_us, last))

    def stored(self, machines: Sequence[int], at_us: int) -> None:
        """The proof `at_us` of these machines is on disk, with their gaps."""
        for machine in machines:
            self._proof_us[machine] = at_us
            self._broken.pop(machine, None)


def read_kept(blob: bytes | None) -> Kept | None:
    """The state of `Continuity.kept`; raises ValueError if it cannot be read."""
    try:
        return None if blob is None else msgspec.json.decode(blob, type=Kept)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
