"""The slow, obvious definition of states, facts and counts of one machine. Plain Python, no code shared with core.

Samples are tuples (event_us, rank, seq, what, value, quality); `what` is a signal name, "gap+" or "gap-".
Words are given by name, programs by their id. Written from docs/en/truth.md, not from the kernel.
"""

from __future__ import annotations

from collections import defaultdict

MINUTE = 60_000_000
MANUAL = {"mdi", "manual", "handle", "teach", "reference"}
GAP_RECORDS = {"silent", "disconnected", "restart", "no_data_yet", "session_lost"}
COUNTS = {"part.total": "total", "part.good": "good", "part.scrap": "scrap"}


def state_of(inputs: dict, gap_cause: str | None) -> tuple[str, str, int]:
    """The first rule that holds. `inputs` has the last value of each signal; None where it is not trusted."""

    def get(name):
        return inputs.get(name)

    execution, item = get("ctrl.execution"), get("ctrl.item_state")
    if gap_cause:
        return "unknown", gap_cause, 0
    if get("conn.online") is False:
        return "unknown", "offline", 0
    if execution is None and item is None:
        heard = "ctrl.execution" in inputs or "ctrl.item_state" in inputs
        return "unknown", "bad_data" if heard else "no_state_input", 0
    if item == "not_available":
        return "unknown", "not_available", 0
    if get("ctrl.estop"):
        return "unplanned_stop", "estop", 1
    if execution is None:
        execution = {"executing": "active", "not_executing": "ready"}.get(item, "other")
    mode, active = get("ctrl.mode"), execution == "active"
    moving = any(turning(inputs)) or any(
        v and v > 0 for k, v in inputs.items() if k.startswith("feed.") and k.endswith("rate")
    )
    automatic = mode in (None, "automatic", "remote")
    held, zero = bool(get("ctrl.feed_hold")), get("feed.1.override") == 0
    rules = [
        (get("ctrl.op_mode") == "setup", "setup", "setup", 4),
        (mode in MANUAL and (active or moving), "setup", "manual", 4),
        (get("ctrl.warm_up"), "setup", "warm_up", 4),
        (active and (get("ctrl.dry_run") or get("ctrl.single_block")), "setup", "dry_run", 4),
        (active and automatic and not held and not zero, "producing", "none", 5),
        (active and mode in ("edit", "other") and not held and not zero, "producing", "mode_unclear", 5),
        (automatic and execution == "wait", "idle", waiting(get("ctrl.wait_for")), 6),
        (
            automatic and execution == "interrupted" and get("ctrl.wait_for") not in (None, "nothing"),
            "idle",
            waiting(get("ctrl.wait_for")),
            6,
        ),
        (automatic and (execution == "feed_hold" or held), "idle", "feed_hold", 6),
        (automatic and execution == "optional_stop", "idle", "optional_stop", 6),
        (automatic and execution == "interrupted", "idle", "interrupted", 6),
        (automatic and zero, "idle", "override_zero", 6),
        (execution == "ready", "idle", "ready", 7),
        (execution == "completed", "idle", "program_end", 7),
        (execution == "stopped", "idle", "stopped", 7),
        (mode in MANUAL, "idle", "standing", 7),
        (True, "idle", "unmapped", 8),
    ]
    return next((state, cause, number) for holds, state, cause, number in rules if holds)


def waiting(word: str | None) -> str:
    return "wait_other" if word in (None, "nothing") else f"wait_{word}"


def turning(inputs: dict) -> list[bool]:
    """For each spindle: does it turn? Its own word counts more than its speed."""
    spindles = {name.split(".")[1] for name in inputs if name.startswith("spindle.")}
    answers = []
    for n in spindles:
        said, speed = inputs.get(f"spindle.{n}.rotating"), inputs.get(f"spindle.{n}.speed")
        answers.append(said if said is not None else speed is not None and abs(speed) > 1)
    return answers


TIME_CLASS = {
    ("producing", "busy"): "apt",
    ("setup", "busy"): "aust",
    ("idle", "busy"): "adet_idle",
    ("unplanned_stop", "busy"): "adet_stop",
    ("unknown", "busy"): "unknown",
    ("producing", "out"): "apt_out",
    ("setup", "out"): "aust_out",
    ("idle", "out"): "planned_calendar",
    ("unplanned_stop", "out"): "planned_failure",
    ("unknown", "out"): "unknown_out",
}


def parts_between(last: int | None, now: int, reset: bool) -> int:
    if last is None:
        return 0
    if reset:
        parts = now
    elif now >= last:
        parts = now - last
    else:
        parts = 0 if last - now <= 10 and now > 10 else now
    return parts if parts <= 1_000_000 else 0


def fold(samples, begin, until, segments, pri, counters):
    """Facts {(minute, shift, program): {measure: number}} and intervals [(from, to, state, cause, rule)].

    `segments`: (start, end, "busy" | "out", shift) that cover everything; `pri`: µs by program id;
    `counters`: the set of part signals that the machine owns. The last interval ends at `until`.
    """
    facts = defaultdict(lambda: defaultdict(int))
    intervals, inputs, readings, held = [], {}, {}, {}
    program, gap, after_gap, now = 0, None, set(), begin
    current = None

    def spend(to):
        nonlocal now, current, after_gap
        if to <= now:
            return
        state = state_of(inputs, gap)
        if current is None or current[1:] != state:
            if current is not None:
                intervals.append((current[0], now, *current[1:]))
                if current[1] == "unknown" != state[0] and current[2] not in GAP_RECORDS:
                    after_gap = set(COUNTS.values())
            current = (now, *state)
        turns = any(turning(inputs))
        while now < to:
            _, end, situation, shift = next(s for s in segments if s[0] <= now < s[1])
            stop = min(to, end, now - now % MINUTE + MINUTE)
            row = facts[now - now % MINUTE, shift, program]
            row[TIME_CLASS[state[0], situation]] += stop - now
            if turns and situation == "busy" and state[0] != "unknown":
                row["spindle_turning_us"] += stop - now
            now = stop

    def book(kind, parts, spans):
        if not parts:
            return
        has_total, has_good, has_scrap = (f"part.{k}" in counters for k in ("total", "good", "scrap"))
        total = parts if kind == "total" or (kind == "good" and not has_total) else 0
        good = {
            "total": 0 if has_good else parts,
            "good": parts,
            "scrap": 0 if has_good or not has_total else -parts,
        }[kind]
        scrap = {
            "total": parts if has_good and not has_scrap else 0,
            "good": -parts if has_total and not has_scrap else 0,
            "scrap": parts,
        }[kind]
        minute = now - now % MINUTE
        shift = next(s for s in segments if s[0] <= now < s[1])[3]
        row = facts[minute, shift, program]
        standard = pri.get(program, 0)
        for name, amount in (("parts_total", total), ("parts_good", good), ("parts_scrap", scrap)):
            row[name] += amount
        if not standard:
            row["parts_no_standard"] += total
        row["credit_gap_total_us" if spans else "credit_total_us"] += total * standard
        row["credit_gap_good_us" if spans else "credit_good_us"] += good * standard

    def apply(what, value, quality):
        nonlocal program
        trusted = quality in ("good", "uncertain")
        if what == "prog.name":
            program = value if trusted else program
        elif what in COUNTS:
            kind = COUNTS[what]
            if trusted and gap:
                held[kind] = value
            elif trusted:
                book(kind, parts_between(readings.get(kind), value, False), kind in after_gap)
                readings[kind] = value
                after_gap.discard(kind)
        else:
            inputs[what] = value if trusted else None

    waiting_for_gap_end = []
    for event, _rank, _seq, what, value, quality in sorted(samples, key=lambda s: s[:3]):
        if event >= until:
            break
        spend(max(event, now))
        if what == "gap+":
            gap = gap or value
        elif what == "gap-" and gap:
            for inside in waiting_for_gap_end:
                apply(*inside)
            waiting_for_gap_end = []
            gap, after_gap = None, set(COUNTS.values())
            for kind in ("total", "good", "scrap"):
                if kind in held:
                    book(kind, parts_between(readings.get(kind), held[kind], False), True)
                    readings[kind] = held.pop(kind)
        elif what != "gap-" and gap:
            waiting_for_gap_end.append((what, value, quality))
        elif what != "gap-":
            apply(what, value, quality)
    spend(until)
    if current is not None:
        intervals.append((current[0], until, *current[1:]))
    return {key: {k: v for k, v in row.items() if v} for key, row in facts.items() if any(row.values())}, intervals
