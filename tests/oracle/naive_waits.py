"""The slow, obvious definition of what a machine does by its spindle and feed, or by its power: words with waits.

Everything is known at once: the inputs are cut into pieces in which nothing changes, and a word is given to whole
pieces, looking ahead as far as it takes. Written from docs/en/truth.md, not from core.engine.waiting.
"""

from __future__ import annotations

from itertools import groupby, pairwise

SECOND = 1_000_000
MEAN = 5 * SECOND
OFF_AFTER = 30 * SECOND


def pieces(steps: list, until: int, read, source: int) -> list:
    """[(from, to, what `read` says of the inputs, or "gap")] without two equal neighbours; gaps of `source`."""
    inputs: dict = {}
    gap, out = False, []
    for at, group in groupby(steps, key=lambda step: step[0]):
        for _, what, value, quality, _ in group:
            if what in ("gap+", "gap-"):
                gap = what == "gap+" if value[1] == source else gap
            elif what.startswith(("spindle.", "feed.", "power.")):
                inputs[what] = value if quality in ("good", "uncertain") else None
        said = "gap" if gap else read(inputs)
        if not out or out[-1][1] != said:
            out.append((at, said))
    return [(at, end, said) for (at, said), (end, _) in pairwise([*out, (until, None)])]


def spindle_words(found: list, feed_wait: int, stand_wait: int) -> list:
    """[(from, word)] of pieces that say unknown, gap, work, turning (without feed) or standing.

    Not working after work is work still, unless it lasts longer than `stand_wait`, or a spindle turns without feed for
    longer than `feed_wait` in it: then it is ready from its beginning. Without work right before it is ready at once.
    """
    out: list = []
    for run in runs(found, {"turning", "standing"}):
        start, said = run[0][0], run[0][2]
        if said == "work":
            out.append((start, "active"))
        elif said in ("turning", "standing"):
            before = [piece for piece in found if piece[1] == start]
            turned = max([end - begin for begin, end, what in run if what == "turning"], default=0)
            short = run[-1][1] - start <= stand_wait and turned <= feed_wait
            out.append((start, "active" if before and before[0][2] == "work" and short else "ready"))
        elif said == "unknown" and out:
            out.append((start, None))
    return out


def runs(found: list, joined: set) -> list:
    """Pieces by themselves, but neighbours that say one of `joined` together."""
    return [list(group) for _, group in groupby(found, key=lambda piece: "joined" if piece[2] in joined else piece[0])]


def power_words(found: list, off: int, standby: int, cutting: int) -> list:
    """[(from, word)] of pieces that say unknown, gap or a power, by the levels that were taught."""
    upper, lower = standby + (cutting - standby) // 4, standby + (cutting - standby) * 3 // 20
    middle = (off + standby) // 2
    out: list = []
    word = before = None
    for start, _, power in found:
        if isinstance(power, str):
            word = before = None
            if power == "unknown" and out:
                out.append((start, None))
            continue
        mean = mean_from(found, start)
        if word == "active":
            fell = power < lower <= before
            word = "ready" if fell and mean is not None and mean < lower * MEAN else "active"
        elif power >= upper and (before is None or before < upper) and mean is not None and mean >= upper * MEAN:
            word = "active"
        elif power >= middle:
            word = "ready"
        if word != "active" and power < middle and (before is None or before >= middle):
            word = "off" if below(found, start, middle) > OFF_AFTER else "ready"
        out.append((start, word))
        before = power
    return out


def mean_from(found: list, start: int) -> int | None:
    """The power of the next 5 s times 5 s; None if it is not known for so long."""
    ahead = [(max(a, start), min(b, start + MEAN), power) for a, b, power in found if b > start and a < start + MEAN]
    if any(isinstance(power, str) for *_, power in ahead) or ahead[-1][1] < start + MEAN:
        return None
    return sum((b - a) * power for a, b, power in ahead)


def below(found: list, start: int, level: int) -> int:
    """For how long the power stays below a level from an instant on."""
    end = start
    for a, b, power in found:
        if a >= start and (isinstance(power, str) or power >= level):
            break
        end = b if b > start else end
    return end - start
