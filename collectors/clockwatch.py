"""Which clock of a source is believed, and how far it is off. Pure: every instant is an argument.

Invariants: all instants are scenario time in UTC µs. The offset is the least (arrival − event) over the fresh samples
of the last ten minutes, because delays only add to it. It grows only by what fresh samples of three parts of that time
agree on: samples that are hours old, each by another time, are late, and no proof of a wrong clock. Until then the
last offset stays.
A plausible source time may still belong to a wrong clock: behind by more than `SWITCH_S`, or ahead by more than
`AHEAD_S`, the source's time is not used any more, unless the plant file calls it trusted; it is used again when the
offset has come back under half of that. So samples and heartbeats of a source are always by one clock.
A time more than `OLDEST_US` away (a clock that was never set, a broken number) says nothing about the offset.
"""

from __future__ import annotations

from collections import deque

from core.units import DAY_US, SECOND_US
from core.vocabulary import ClockChoice, Flag

WINDOW_S = 600
"""The offset is estimated over this much real time (design: the last 10 min)."""
AHEAD_S = 5
"""A source time further ahead of its arrival is not plausible (design: 5 s, real time)."""
SWITCH_S = 60
"""A clock behind by more than this is taken out of use (design: 60 s, real time)."""
OLDEST_US = 400 * DAY_US
"""A source time older than this is not plausible (design: 400 days)."""
BUCKETS = 60
"""The window is kept as the least of each of this many parts: bounded memory at any rate."""


AGREEING = 3
"""A quiet machine may say nothing for ten minutes but a few late words; three late by the same are improbable."""
AGREED_S = AHEAD_S
"""What a wrong clock adds is the same every time but for the way, which is allowed as much as for a plausible time."""


class ClockWatch:
    """Chooses the event time of samples of one clock (a server, a publisher) and watches that clock.

    `scale`: scenario seconds per real second; limits are real seconds. `offset_us` is None until a fresh sample came.
    """

    def __init__(
        self,
        *,
        scale: float = 1.0,
        trusted: bool = False,
        oldest_us: int | None = OLDEST_US,
        offset_us: int | None = None,
    ) -> None:
        self._scale = scale
        self._trusted = trusted
        self._oldest_us = oldest_us
        self._least: deque[tuple[int, int]] = deque()
        self._offset_us = offset_us
        self._suspect = False
        self._judge()

    @property
    def offset_us(self) -> int | None:
        """Least (arrival − event) of the window, or the last known one."""
        return self._offset_us

    @property
    def suspect(self) -> bool:
        """True while the source's clock is out of use because of its offset."""
        return self._suspect

    def choose(self, source_us: int | None, server_us: int | None, arrival_us: int, *, fresh: bool) -> tuple[int, int]:
        """The event time and its flags (ClockChoice, CLOCK_SUSPECT) of a sample.

        `fresh`: neither initial, historical, retained nor delivered within 60 s of a reconnect; only such a sample
        tells something about the offset.
        """
        if fresh and source_us is not None and abs(arrival_us - source_us) <= OLDEST_US:
            self._note(arrival_us, arrival_us - source_us)
        doubt = 0
        if source_us is not None:
            if not self._suspect and self._plausible(source_us, arrival_us):
                return source_us, int(ClockChoice.SOURCE)
            doubt = int(Flag.CLOCK_SUSPECT)
        if server_us is not None and self._plausible(server_us, arrival_us):
            return server_us, int(ClockChoice.SERVER) | doubt
        return arrival_us, int(ClockChoice.ARRIVAL) | doubt

    def believed_us(self, arrival_us: int) -> int:
        """An instant of arrival in the believed clock of the source: what a heartbeat at that moment proves."""
        if self._suspect or self._offset_us is None or self._offset_us < -AHEAD_S * SECOND_US * self._scale:
            return arrival_us
        return arrival_us - self._offset_us

    def _plausible(self, instant_us: int, arrival_us: int) -> bool:
        age_us = arrival_us - instant_us
        if age_us < -AHEAD_S * SECOND_US * self._scale:
            return False
        return self._oldest_us is None or age_us <= self._oldest_us

    def _note(self, arrival_us: int, delay_us: int) -> None:
        bucket_us = int(WINDOW_S * SECOND_US * self._scale) // BUCKETS
        bucket = arrival_us // bucket_us
        if self._least and self._least[-1][0] >= bucket:
            newest, least = self._least[-1]
            if delay_us >= least:
                return  # it says nothing new
            self._least[-1] = newest, delay_us
        else:
            self._least.append((bucket, delay_us))
            while self._least[0][0] <= bucket - BUCKETS:
                self._least.popleft()
        delays_us = sorted(least_us for _, least_us in self._least)
        if self._offset_us is None or delays_us[0] < self._offset_us or self._agree(delays_us[:AGREEING]):
            self._offset_us = delays_us[0]
        self._judge()

    def _agree(self, delays_us: list[int]) -> bool:
        return len(delays_us) == AGREEING and delays_us[-1] - delays_us[0] <= AGREED_S * SECOND_US * self._scale

    def _judge(self) -> None:
        # An offset near a limit must not change the clock with every sample.
        unit_us = SECOND_US * self._scale / (2.0 if self._suspect else 1.0)
        off = self._offset_us is not None and not -AHEAD_S * unit_us <= self._offset_us <= SWITCH_S * unit_us
        self._suspect = not self._trusted and off
