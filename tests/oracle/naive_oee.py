"""The slow, obvious definition of states, facts and counts of one machine. Plain Python, no code shared with core.

Samples are tuples (event_us, rank, seq, what, value, quality, flags); `what` is a signal name, "gap+" or "gap-" with
(cause, number of the source by rank) as value, `seq` orders what has the same time and rank, by source and number;
`flags` is a set of words. What people told comes as "operator.repair" (True or False) and "operator.scrap" (parts,
program or 0), see `told`. Words are given by name, programs and orders by their id (0 for an empty name), an edge of an
alarm as (code, raised, class). Written from docs/en/truth.md, not from the kernel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle.naive_counters import Counter
from tests.oracle.naive_waits import pieces, power_words, spindle_words

MINUTE = 60_000_000
MANUAL = {"mdi", "manual", "handle", "teach", "reference"}
EXECUTIONS = ("ctrl.execution", "ctrl.2.execution", "ctrl.3.execution", "ctrl.4.execution")
WITNESSES = (*EXECUTIONS, "ctrl.item_state", "light.red", "light.yellow", "light.green", "light.blue", "cycle")
GAP_RECORDS = {"silent", "disconnected", "restart", "no_data_yet", "session_lost"}
KINDS = ("total", "good", "scrap")
LIGHTS = ("red", "yellow", "green", "blue")
STANDING = 16
"""Standing alarms known by their code."""


@dataclass(frozen=True)
class Ways:
    """What the plant file says of the machine."""

    signals: frozenset = frozenset()
    rate: Fraction = Fraction(12, 10)
    counter: str = "life"
    width: int = 0
    idle: tuple = ()
    off_w: int = 0
    red_stops: bool = False
    by_spindle: tuple = ()
    """Waits: spindle turns without feed, all stand still [µs]."""
    by_power: tuple = ()
    """The signal, and its levels off, standby and cutting [W or mA]."""
    source: Mapping = field(default_factory=dict)
    """Which source gives a signal, by rank; the first one gives what is not named."""

    def source_of(self, signal: str) -> int:
        """`cycle` comes from whoever gives the power, or spindle and feed: one source gives them all."""
        feeds = [name for name in self.signals if name.startswith("feed.") and name.endswith(".rate")]
        tells = self.by_power[0] if self.by_power else feeds[0] if self.by_spindle else ""
        return self.source.get({"alarm": "alarm.edge", "cycle": tells}.get(signal, signal), 0)


def witness(inputs: dict) -> str | None:
    """What the machine does by its nearest trusted witness: execution, item state, lights, the word of spindle and feed
    or of the power. None if there is none.
    """
    execution, item = inputs.get("ctrl.execution"), inputs.get("ctrl.item_state")
    lights = {colour: inputs.get(f"light.{colour}") for colour in LIGHTS}
    if execution is not None:
        return execution
    if item is not None:
        return {"executing": "active", "not_executing": "ready"}.get(item, "other")
    if all(light is None for light in lights.values()):
        return {"off": "stopped"}.get(inputs.get("cycle"), inputs.get("cycle"))
    if lights["green"] == "on":
        return "active"
    return "interrupted" if lights["green"] == "blink" or lights["yellow"] in ("on", "blink") else "ready"


def channels(inputs: dict) -> list[dict]:
    """Inputs as each channel sees them that tells its execution; as the machine does, if none does."""
    out = []
    for n in ("", "2.", "3.", "4."):
        execution = inputs.get(f"ctrl.{n}execution")
        if execution is not None:
            out.append(
                {
                    **inputs,
                    "ctrl.execution": execution,
                    "ctrl.mode": inputs.get(f"ctrl.{n}mode", inputs.get("ctrl.mode")),
                }
            )
    return out or [inputs]


def state_of(inputs: dict, *known: object) -> tuple[str, str, int]:
    """That of the channel that does most; of two that do the same the first."""
    order = ("producing", "unplanned_stop", "setup", "idle")
    found = [state_of_channel(channel, *known) for channel in channels(inputs)]
    return min(found, key=lambda state: order.index(state[0]) if state[0] in order else len(order))


def state_of_channel(
    inputs: dict, gap_cause: str | None, failed: bool = False, red_stops: bool = False
) -> tuple[str, str, int]:
    """The first rule that holds. `inputs` has the last value of each signal; None where it is not trusted."""
    get = inputs.get
    execution, item = witness(inputs), get("ctrl.item_state")
    if gap_cause:
        return "unknown", gap_cause, 0
    if get("conn.online") is False:
        return "unknown", "offline", 0
    if execution is None:
        return "unknown", "bad_data" if any(name in inputs for name in WITNESSES) else "no_state_input", 0
    only_lights = get("ctrl.execution") is None and item is None
    mode, op_mode, active = get("ctrl.mode"), get("ctrl.op_mode"), execution == "active"
    automatic = mode in (None, "automatic", "remote")
    moving = any(turning(inputs).values()) or is_feeding(inputs)
    held, zero = bool(get("ctrl.feed_hold")), per_mille(get("feed.1.override")) == 0
    red = get("light.red") in ("on", "blink") and (only_lights or red_stops)
    running_free = mode not in MANUAL and op_mode != "setup"
    by_lights = only_lights and any(get(f"light.{colour}") is not None for colour in LIGHTS)
    powered_off = only_lights and not by_lights and get("cycle") == "off"
    waits = execution == "wait" or (execution == "interrupted" and get("ctrl.wait_for") not in (None, "nothing"))
    rules = [
        (item == "not_available", "unknown", "not_available", 0),
        (get("ctrl.estop"), "unplanned_stop", "estop", 1),
        (op_mode == "maintenance" and (failed or get("repair")), "unplanned_stop", "repair", 2),
        (op_mode == "maintenance", "planned_stop", "maintenance", 2),
        (running_free and item == "out_of_service", "unplanned_stop", "out_of_service", 3),
        (running_free and not active and get("alarm"), "unplanned_stop", "alarm", 3),
        (running_free and red, "unplanned_stop", "alarm", 3),
        (op_mode == "setup", "setup", "setup", 4),
        (only_lights and execution == "ready" and get("light.blue") == "on", "setup", "setup", 4),
        (mode in MANUAL and (active or moving), "setup", "manual", 4),
        (get("ctrl.warm_up"), "setup", "warm_up", 4),
        (active and (get("ctrl.dry_run") or get("ctrl.single_block")), "setup", "dry_run", 4),
        (active and automatic and not held and not zero, "producing", "none", 5),
        (active and mode in ("edit", "other") and not held and not zero, "producing", "mode_unclear", 5),
        (automatic and waits, "idle", waiting(get("ctrl.wait_for")), 6),
        (automatic and (execution == "feed_hold" or held), "idle", "feed_hold", 6),
        (automatic and execution == "optional_stop", "idle", "optional_stop", 6),
        (automatic and execution == "interrupted", "idle", "interrupted", 6),
        (automatic and zero, "idle", "override_zero", 6),
        (execution == "ready", "idle", "ready", 7),
        (execution == "completed", "idle", "program_end", 7),
        (powered_off, "idle", "power_off", 7),
        (execution == "stopped", "idle", "stopped", 7),
        (mode in MANUAL, "idle", "standing", 7),
        (True, "idle", "unmapped", 8),
    ]
    return next((state, cause, number) for holds, state, cause, number in rules if holds)


def waiting(word: str | None) -> str:
    return "wait_other" if word in (None, "nothing") else f"wait_{word}"


def turning(inputs: dict) -> dict[str, bool]:
    """For each spindle: does it turn? Its own word counts more than its speed."""
    spindles = {name.split(".")[1] for name in inputs if name.startswith("spindle.")}
    answers = {}
    for n in spindles:
        said, speed = inputs.get(f"spindle.{n}.rotating"), inputs.get(f"spindle.{n}.speed")
        answers[n] = said if said is not None else speed is not None and abs(speed) > 1
    return answers


def is_feeding(inputs: dict) -> bool:
    return any(v is not None and v > 0 for k, v in inputs.items() if k.startswith("feed.") and k.endswith(".rate"))


def spindle_says(inputs: dict) -> str:
    """What spindles and feeds say together; both have to be known."""
    told = [
        n for n in turning(inputs) if any(inputs.get(f"spindle.{n}.{w}") is not None for w in ("rotating", "speed"))
    ]
    fed = [v for k, v in inputs.items() if k.startswith("feed.") and k.endswith(".rate") and v is not None]
    if not told or not fed:
        return "unknown"
    if any(turning(inputs).values()):
        return "work" if is_feeding(inputs) else "turning"
    return "standing"


def power_says(inputs: dict, signal: str) -> int | str:
    """The power in W, or the current in mA."""
    value = inputs.get(signal)
    if value is None or not 0 <= value < (1e9 if signal == "power.active" else 1e6):
        return "unknown"
    return round(value) if signal == "power.active" else round(1000 * value)


def per_mille(percent: float | None) -> int | None:
    """‰, half to even; None for what is no percentage."""
    return round(10 * percent) if percent is not None and 0 <= percent <= 100_000 else None


def cutting(inputs: dict, idle: tuple) -> tuple[bool, bool]:
    """(does a spindle cut, is the load of a turning one known) by the loads taught in air."""
    cuts = known = False
    for n, turns in turning(inputs).items():
        load, speed = inputs.get(f"spindle.{n}.load"), inputs.get(f"spindle.{n}.speed")
        load = None if load is None else per_mille(abs(load))
        if turns and load is not None and int(n) <= 4:
            known = True
            levels = (
                [air for up_to, air in idle[:-1] if speed is not None and abs(speed) <= up_to] + [idle[-1][1]]
                if idle
                else []
            )
            cuts = cuts or (bool(levels) and load >= round(10 * levels[0]) + 50)
    return cuts, known


def time_class(state: str, situation: str, order: bool) -> str:
    """kpi.md, state and calendar to time class. `situation`: busy or out; `order`: not known to be without one."""
    if situation == "out":
        return {
            "producing": "apt_out",
            "setup": "aust_out",
            "idle": "planned_calendar",
            "planned_stop": "planned_calendar",
            "unplanned_stop": "planned_failure",
            "unknown": "unknown_out",
        }[state]
    with_order, without = {
        "producing": ("apt", "apt_no_order"),
        "setup": ("aust", "adot_setup"),
        "idle": ("adet_idle", "adot_idle"),
        "planned_stop": ("planned_state", "planned_state"),
        "unplanned_stop": ("adet_stop", "adot_stop"),
        "unknown": ("unknown", "unknown"),
    }[state]
    return with_order if order else without


@dataclass
class Alarms:
    """Standing alarms of class stop; beyond STANDING only their number."""

    codes: set = field(default_factory=set)
    more: int = 0

    def edge(self, code: object, raised: bool, alarm_class: str | None) -> None:
        if raised and alarm_class == "stop":
            if code not in self.codes and len(self.codes) < STANDING:
                self.codes.add(code)
            elif code not in self.codes:
                self.more += 1
        elif code in self.codes:
            self.codes.remove(code)
        elif not raised and alarm_class in ("stop", None) and self.more:
            self.more -= 1


class Machine:
    """One machine's life, told sample by sample."""

    def __init__(self, begin: int, segments: list, pri: dict, ways: Ways) -> None:
        self.segments, self.pri, self.ways = segments, pri, ways
        self.facts: dict = defaultdict(lambda: defaultdict(int))
        self.intervals: list = []
        self.events: list = []
        self.doubts: list = []
        self.now, self.current = begin, None
        self.said: dict = {}
        self.program = 0
        self.order = self.job = self.run = self.job_state = None
        self.gaps: dict = {}  # source -> cause
        self.failed = False
        self.alarms = Alarms()
        self.counters = {kind: Counter(ways.counter, ways.width, begin) for kind in KINDS}
        self.energy_uj, self.meter = 0, None
        self.blind_since = self.blind_how = None

    # What can be believed

    def gone(self) -> dict:
        """Sources that are in a gap or say that they are off line, and the cause that this gives."""
        offline = {self.ways.source_of("conn.online"): "offline"} if self.said.get("conn.online") is False else {}
        return {**offline, **self.gaps}

    @property
    def inputs(self) -> dict:
        """The last value of each signal; None where it or its source is not trusted now."""
        gone = self.gone()
        return {k: None if self.ways.source_of(k) in gone and k != "repair" else v for k, v in self.said.items()}

    def silence(self) -> str | None:
        """Why nobody says what the machine does: the first source that is gone of those that can say so (all, if
        none can)."""
        waits = ["cycle"] if self.ways.by_spindle or self.ways.by_power else []
        can = {self.ways.source_of(name) for name in [*self.ways.signals, *waits] if name in WITNESSES}
        gone = self.gone()
        causes = [gone[source] for source in sorted(gone) if source in can or not can]
        return causes[0] if causes and all(witness(channel) is None for channel in channels(self.inputs)) else None

    def standard(self) -> int:
        """PRI of the selected program in force now, 0 if there is none."""
        return next((pri for since, pri in reversed(self.pri.get(self.program, [])) if since <= self.now), 0)

    # Time

    def order_on_machine(self) -> int | None:
        """Its id, 0 if nobody ever named one, None if it is known that there is none."""
        named = self.order if "job.order" in self.ways.signals else self.job
        if self.job_state is not None:
            return None if self.job_state in ("waiting", "ended", "aborted") else named or 0
        return None if named == 0 else named or 0

    def row(self, shift: int) -> dict:
        return self.facts[self.now - self.now % MINUTE, shift, self.program, self.order_on_machine() or 0]

    def segment(self) -> tuple:
        return next(s for s in self.segments if s[0] <= self.now < s[1])

    def spend(self, to: int) -> None:
        if to <= self.now:
            return
        self.said["alarm"] = bool(self.alarms.codes or self.alarms.more)
        state = state_of(self.inputs, self.silence(), self.failed, self.ways.red_stops)
        if self.current is None or self.current[1:] != state:
            if self.current is not None:
                self.intervals.append((self.current[0], self.now, *self.current[1:]))
                if self.current[1] == "unknown" and self.current[2] not in GAP_RECORDS:
                    self.span_gap(self.ways.source_of("conn.online") if self.current[2] == "offline" else None)
            self.current = (self.now, *state)
        self.look(state[0])
        self.failed = state[0] == "unplanned_stop" or (self.failed and state[0] != "producing")
        while self.now < to:
            _, end, situation, shift = self.segment()
            stop = min(to, end, self.now - self.now % MINUTE + MINUTE)
            name = time_class(state[0], situation, self.order_on_machine() is not None)
            row, spent = self.row(shift), stop - self.now
            row[name] += spent
            if situation == "busy" and state[0] not in ("unknown", "planned_stop"):
                self.spindle(row, spent, state[0])
            self.power(row, spent)
            self.now = stop
            if stop % MINUTE == 0:
                self.energy_uj = 0

    def look(self, state: str) -> None:
        """Whether a spindle turns is not known: the state is, no spindle turns for certain, and of one it is not said
        by what says it best. Then it may turn unseen, or does by its speed alone.
        """
        best = {}
        for name in sorted(self.ways.signals):  # rotating before speed
            where, _, what = name.rpartition(".")
            if where.startswith("spindle.") and what in ("rotating", "speed"):
                best.setdefault(where, name)
        answers = turning(self.inputs)
        certain = {where for where, name in best.items() if self.inputs.get(name) is not None}
        surely = any(answers[where.split(".")[1]] for where in certain)
        how = None
        if state != "unknown" and not surely and certain != set(best):
            how = "by_speed" if any(answers.values()) else "unseen"
        if how != self.blind_how:
            if self.blind_how is not None:
                self.doubts.append((self.blind_how, "bad_data", self.blind_since, self.now, 0, 0, 0, None, 0, self.now))
            self.blind_since, self.blind_how = self.now, how

    def spindle(self, row: dict, spent: int, state: str) -> None:
        """kpi.md §3.7"""
        get, executions = self.inputs.get, [witness(channel) for channel in channels(self.inputs)]
        power = get("power.active")
        off = self.ways.off_w and power is not None and power >= 0 and round(power) <= self.ways.off_w
        feeding, turns = is_feeding(self.inputs), any(turning(self.inputs).values())
        cuts, known = cutting(self.inputs, self.ways.idle)
        under_way = any(word in ("active", "interrupted", "optional_stop", "wait") for word in executions)
        active = "active" in executions
        for name, holds in (
            ("powered_us", not off),
            ("program_running_us", active),
            ("spindle_turning_us", turns),
            ("in_cut_us", feeding and cuts),
            ("air_cut_us", active and feeding and known and self.ways.idle and not cuts),
            ("feed_hold_us", "feed_hold" in executions or (under_way and get("ctrl.feed_hold"))),
        ):
            row[name] += spent if holds else 0
        load = get("spindle.1.load")
        load = None if load is None else per_mille(abs(load))
        if turns and load is not None:
            row["spindle_load_us"] += spent
            row["spindle_load"] += spent * load
            row[f"load_{min(load // 100, 10) * 10}_us"] += spent
        if state == "producing":
            for name, signal in (
                ("feed_override_loss", "feed.1.override"),
                ("spindle_override_loss", "spindle.1.override"),
                ("rapid_override_loss", "feed.1.rapid_override"),
            ):
                override = per_mille(get(signal))
                if override is not None and (name != "rapid_override_loss" or get("feed.1.rapid")):
                    row[name] += spent * (1000 - override)

    def power(self, row: dict, spent: int) -> None:
        """Energy from power where there is no meter; what is less than a mJ goes to the next row of the minute."""
        power = self.said.get("power.active")
        silent = self.ways.source_of("power.active") in self.gaps
        if power is None or not 0 <= power < 1e9 or silent or "energy.import" in self.ways.signals:
            return
        before, self.energy_uj = self.energy_uj, self.energy_uj + round(power) * spent
        row["energy_mj"] += self.energy_uj // 1000 - before // 1000

    # What happens at an instant

    def counters_of(self, source: int | None) -> dict:
        return {kind: c for kind, c in self.counters.items() if self.ways.source_of(f"part.{kind}") == source}

    def span_gap(self, source: int | None, missed: bool = True) -> None:
        """What counters of this source read next spans a gap; and of those that told what cannot be trusted."""
        for kind, counter in self.counters.items():
            counter.after_gap |= kind in self.counters_of(source) or (missed and counter.missed)

    def count(self, kind: str, value: int, reset: bool) -> None:
        if self.ways.source_of(f"part.{kind}") in self.gaps:
            self.counters[kind].in_gap(value, self.now, reset)
        else:
            self.book(
                kind, *self.counters[kind].read(value, self.now, reset, self.ways.rate, (self.standard() or None))
            )

    def book(self, kind: str, parts: int, spans: bool, events: list, doubts: list) -> None:
        self.events += [(kind, *event) for event in events]
        self.doubts += [(kind, *doubt) for doubt in doubts]
        has = {k: f"part.{k}" in self.ways.signals for k in KINDS}
        total = parts if kind == "total" or (kind == "good" and not has["total"]) else 0
        good = {
            "total": 0 if has["good"] else parts,
            "good": parts,
            "scrap": 0 if has["good"] or not has["total"] else -parts,
        }[kind]
        scrap = {
            "total": parts if has["good"] and not has["scrap"] else 0,
            "good": -parts if has["total"] and not has["scrap"] else 0,
            "scrap": parts,
        }[kind]
        row = self.row(self.segment()[3])
        standard = self.standard()
        for name, amount in (("parts_total", total), ("parts_good", good), ("parts_scrap", scrap)):
            row[name] += amount
        if not standard:
            row["parts_no_standard"] += total
        row["credit_gap_total_us" if spans else "credit_total_us"] += total * standard
        row["credit_gap_good_us" if spans else "credit_good_us"] += good * standard

    def scrap(self, parts: int, program: int) -> None:
        """A person says that so many parts counted as good were none."""
        selected, self.program = self.program, program or self.program
        row = self.row(self.segment()[3])
        row["parts_good"] -= parts
        row["parts_scrap"] += parts
        row["credit_good_us"] -= parts * self.standard()
        self.program = selected

    def close_gap(self, source: int) -> None:
        if self.gaps.pop(source, None):
            self.span_gap(source, missed=False)
            for kind, counter in self.counters_of(source).items():
                if (found := counter.end_gap(self.now, self.ways.rate, (self.standard() or None))) is not None:
                    self.book(kind, *found)

    def take(self, what: str, value: object, quality: str, flags: frozenset) -> None:
        trusted = quality in ("good", "uncertain")
        if what == "gap+":
            self.gaps.setdefault(value[1], value[0])
        elif what == "gap-":
            self.close_gap(value[1])
        elif what == "operator.repair":
            self.said["repair"] = value
        elif what == "operator.scrap":
            self.scrap(*value)
        elif what == "prog.name":
            if trusted and value != self.program:
                before, self.program = self.standard(), value
                for counter in self.counters.values():
                    counter.select(before, self.standard(), self.now)
        elif what == "job.order":
            self.order = value if trusted else self.order
        elif what == "job.id" and trusted:
            if self.job not in (None, value):
                for counter in self.counters.values():
                    counter.new_job(self.now)
            self.job = value
        elif what == "job.state":
            self.job_state = value if trusted else None
        elif what == "job.runs_done" and trusted:
            if self.run not in (None, value):
                for counter in self.counters.values():
                    counter.new_run()
            self.run = value
        elif what == "alarm.edge" and trusted:
            self.alarms.edge(*value)
        elif what == "energy.import" and quality == "good":
            if self.ways.source_of(what) not in self.gaps:
                reading = round(value * 3_600_000.0)
                if self.meter is not None and reading > self.meter:
                    self.row(self.segment()[3])["energy_mj"] += reading - self.meter
                self.meter = reading
        elif what.startswith("part."):
            kind = what.removeprefix("part.")
            if quality == "good":
                self.count(kind, value, "reset" in flags)
            else:
                self.counters[kind].bad(self.now)
        elif not what.startswith(("job.", "alarm.", "energy.")):
            self.said[what] = value if trusted else None


def in_order(samples, ways):
    """(when it takes effect, sample): inside a gap of its source where that ends, just before the end itself."""
    gaps = defaultdict(list)
    for event, _rank, _seq, what, value, *_ in sorted(samples, key=lambda s: s[:3]):
        if what == "gap+":
            gaps[value[1]].append([event, None])
        elif what == "gap-":
            gaps[value[1]][-1][1] = event
    found = []
    for sample in samples:
        event, what = sample[0], sample[3]
        inside = [
            end
            for start, end in gaps[ways.source_of(what)]
            if not what.startswith(("gap", "operator.")) and start < event and (end is None or event < end)
        ]
        if inside != [None]:
            found.append((*(inside or [event]), not inside, sample))
    return [(effect, sample) for effect, _, sample in sorted(found, key=lambda f: (*f[:2], f[2][:3]))]


def told(entries: list, begin: int) -> list:
    """Samples of what people told: entries are (id, taken back or None, from, to, parts, program), a repair has none.

    Everything that is taken back counts for nothing. A repair lasts while any entry says so. Nobody knows of parts that
    were made before the machine began.
    """
    gone = {back for _, back, *_ in entries if back}
    valid = [entry for entry in entries if not entry[1] and entry[0] not in gone]
    repairs = [(since, to) for _, _, since, to, parts, _ in valid if not parts]
    edges = sorted({edge for repair in repairs for edge in repair})
    out = [(at, 20, (-1, -1), "operator.repair", any(a <= at < b for a, b in repairs)) for at in edges]
    for number, (_, _, at, _, parts, program) in enumerate(sorted(valid)):
        if parts and at >= begin:
            out.append((at, 13, (-1, number), "operator.scrap", (parts, program)))
    return [(*row, "good", frozenset()) for row in out]


def fold(samples, begin, until, segments, pri, ways):
    """Facts {(minute, shift, program, order): {measure: number}}, intervals [(from, to, state, cause, rule)], what
    counters did other than count on [(kind, what, from, at, last, reading, parts)], and doubts about parts (kind first,
    then as in naive_counters) or about whether a spindle turns (kind "unseen" or "by_speed").

    `segments`: (start, end, "busy" | "out", shift) that cover everything; `pri`: [(in force from, µs)] by
    program id, in order of time.
    The last interval ends at `until`.
    """
    machine = Machine(begin, segments, pri, ways)
    steps = [(max(begin, at), *told) for at, (_event, _rank, _seq, *told) in in_order(samples, ways) if at < until]
    words = cycle_words(steps, until, ways)
    for at, *told in sorted([*steps, *words], key=lambda step: step[0]):
        machine.spend(at)
        machine.take(*told)
    machine.spend(until)
    if machine.current is not None:
        machine.intervals.append((machine.current[0], until, *machine.current[1:]))
    facts = {key: {k: v for k, v in row.items() if v} for key, row in machine.facts.items() if any(row.values())}
    mapped = [kind for kind in KINDS if f"part.{kind}" in ways.signals]
    lasting = [(kind, *found) for kind in mapped if (found := machine.counters[kind].doubt(until)) is not None]
    if machine.blind_how is not None:
        lasting.append((machine.blind_how, "bad_data", machine.blind_since, None, 0, 0, 0, None, 0, None))
    return facts, machine.intervals, machine.events, machine.doubts + lasting


def cycle_words(steps: list, until: int, ways: Ways) -> list:
    """What the machine does by spindle and feed, or by its power, as if a signal had told it."""
    if ways.by_spindle:
        found = spindle_words(pieces(steps, until, spindle_says, ways.source_of("cycle")), *ways.by_spindle)
    elif ways.by_power:
        signal, *levels = ways.by_power
        told = pieces(steps, until, lambda inputs: power_says(inputs, signal), ways.source_of("cycle"))
        found = power_words(told, *levels)
    else:
        return []
    return [(at, "cycle", word, "good" if word else "bad", frozenset()) for at, word in found]
