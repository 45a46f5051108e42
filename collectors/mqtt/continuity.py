"""What proves that nothing of a machine is missing, and the gap pairs where it cannot be proven. Pure.

Invariants: a pair is written once per doubt, opened at the last proof of life and closed at the next, never backwards;
no pair before the first proof of life ever. The rules:
- connected, the broker kept our session and the publisher numbers its samples: the numbers will tell, no pair;
- connected otherwise: a pair at the first new proof of life (RESTART in a new process, else SESSION_LOST or
  DISCONNECTED);
- a hole in the numbers, at any time: a pair from the last event before it to the first event after it (SESSION_LOST);
- numbers that begin again with newer events: the publisher lost its count, what it sent last is unknown (RESTART);
- the very next number after a connection proves that nothing is missing since the last stored one, and ends a doubt
  without a pair. It is told as a proof: a silence that the engine judged meanwhile lost nothing, either;
- numbers that others use up too (an MTConnect agent with several devices): a hole says nothing;
- a publisher that renews its present values (`renews`): where a pair would end, it lasts until the publisher has told
  them once more, for what changed unheard is not known before. Only the next number still ends the doubt of a
  connection without a pair, and nothing that comes in between proves life.
"""

from __future__ import annotations

import msgspec

from core.samples.records import Gap
from core.vocabulary import Cause

Pair = tuple[Gap, ...]
"""Both edges of a gap, or one proof."""


class Track(msgspec.Struct):
    """One machine's chain of proofs; kept in the source state. -1 is never."""

    machine: str
    next_seq: int = -1
    event_us: int = -1
    life_us: int = -1
    offset_us: int | None = None
    doubt: int = int(Cause.NONE)
    unproven: bool = False
    """No number has come since the connection."""
    renews: bool = False
    missed_us: int = -1
    """The last event before a hole in the numbers of a publisher that renews; -1 without one."""
    standing: dict[str, int] = {}
    """Alarms that stand, by code: their class."""

    @property
    def waits(self) -> bool:
        """Whether nothing proves life before the present values have been told."""
        return self.renews and self.doubt != Cause.NONE

    def connected(self, *, session_present: bool, sequenced: bool, restarted: bool) -> None:
        """The connection stands (again)."""
        self.unproven = sequenced and self.next_seq >= 0
        if self.life_us < 0 or (session_present and sequenced and self.next_seq >= 0):
            return
        lost = Cause.DISCONNECTED if session_present else Cause.SESSION_LOST
        self.doubt = int(self.doubt or (Cause.RESTART if restarted else lost))

    def numbered(
        self,
        index: int,
        numbers: tuple[int, int],
        event_us: tuple[int, int] | None,
        *,
        repeat: bool,
        shared: bool = False,
    ) -> Pair | None:
        """A message with samples numbered from … up to before … came; the pair if they do not follow.

        `repeat`: the broker says that it may have sent this before, so an old number is no new count.
        `shared`: the numbers count messages of others, too.
        """
        seq, next_seq = numbers
        first_us, last_us = event_us or (self.event_us, self.event_us)
        pair = None
        if self.next_seq >= 0 and self.event_us >= 0 and seq != self.next_seq:
            if seq > self.next_seq and shared:
                pass  # others of the publisher have the numbers between
            elif seq > self.next_seq:
                pair = self._hole(index, first_us, Cause.SESSION_LOST)
            elif first_us > self.event_us and not repeat:
                pair = self._hole(index, first_us, Cause.RESTART)
            elif next_seq <= self.next_seq:
                return None  # delivered once more
        elif seq == self.next_seq and self.missed_us < 0:
            self.doubt = int(Cause.NONE)
            if self.unproven and first_us > self.event_us >= 0:
                pair = (Gap(False, first_us, Cause.NONE, (index,), proven=True, from_us=self.event_us),)
        self.unproven = False
        self.next_seq = next_seq
        self.event_us = max(self.event_us, last_us)
        return pair

    def alive(self, index: int, at_us: int) -> Pair | None:
        """The machine's source lives at `at_us` (its believed clock); the pair if a doubt ends here."""
        return None if self.waits else self._lives(index, at_us)

    def told(self, index: int, at_us: int) -> Pair | None:
        """The publisher has told its present values at `at_us`; the pair if a doubt ends here."""
        return self._lives(index, at_us) if self.waits else None

    def _lives(self, index: int, at_us: int) -> Pair | None:
        from_us = self.life_us if self.missed_us < 0 else min(self.missed_us, self.life_us)
        pair = self._pair(index, from_us, at_us, Cause(self.doubt)) if self.doubt else None
        self.doubt, self.missed_us = int(Cause.NONE), -1
        self.life_us = max(self.life_us, at_us)
        return pair

    def _hole(self, index: int, first_us: int, cause: Cause) -> Pair | None:
        if not self.renews:
            return self._pair(index, self.event_us, first_us, cause)
        self.doubt = int(self.doubt or cause)
        self.missed_us = self.event_us if self.missed_us < 0 else self.missed_us
        return None

    def _pair(self, index: int, from_us: int, to_us: int, cause: Cause) -> Pair:
        to_us = max(from_us, to_us)
        return Gap(True, from_us, cause, (index,)), Gap(False, to_us, cause, (index,))


class State(msgspec.Struct):
    """What a source keeps over a restart; machines by name, because positions change with the plant file."""

    tracks: list[Track]
    format: int = 1


def encode(tracks: list[Track]) -> bytes:
    """The source state as bytes."""
    return msgspec.json.encode(State(tracks))


def decode(blob: bytes | None) -> dict[str, Track]:
    """Tracks by machine name; empty if nothing, or nothing readable, was stored."""
    if blob is None:
        return {}
    try:
        found = msgspec.json.decode(blob, type=State)
    except msgspec.DecodeError:
        return {}
    return {track.machine: track for track in found.tracks}
