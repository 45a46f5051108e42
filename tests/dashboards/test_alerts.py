"""Alert rules on the known history: silent where all is well, loud where it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dashboards.alerts import RULES, SOURCE, provisioned
from dashboards.macros import Window, expand
from dashboards.panels import SOURCE as PANELS_SOURCE
from tests.dashboards.known import MACHINE, at

LATER = Window(at(130), at(140))
"""Ten minutes after the engine's last tick but two seconds."""

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def connection(known_history: str) -> Iterator[Connection]:
    """What a test changes is taken back."""
    with psycopg.connect(known_history) as opened:
        yield opened
        opened.rollback()


def loud(connection: Connection, window: Window = LATER) -> dict[str, list[str]]:
    """Rule -> subjects that it raises an alarm for."""
    found = {}
    for rule in RULES:
        with connection.cursor() as cursor:
            rows = cursor.execute(expand(rule.sql, window).encode()).fetchall()
            kinds = [column.type_code for column in cursor.description or ()]
        assert (kinds[0], kinds[1], kinds[2] in (701, 1700)) == (1184, 25, True), rule.name
        raised = [row[1] for row in rows if (row[2] > rule.limit if rule.above else row[2] < rule.limit)]
        if raised:
            found[rule.name] = raised
    return found


WELL = """
update stanok.engine_state set tick_time = '{now}';
update stanok.machine_live set as_of = '{now}'
where machine_id = (select id from stanok.machine where name = '{machine}');
insert into stanok.platform_measure values
    ('spool_left_h', 'a.spool', 100, '{now}'), ('certificate_left_d', 'c.der', 90, '{now}');
insert into stanok.source_frontier (machine_id, source_id, last_life, heard)
select id, source_id, '{now}', '{now}' from stanok.machine limit 1
"""
MEASURED = "insert into stanok.platform_measure select {row}, tick_time from stanok.engine_state"
SKEWED = """
insert into stanok.source_frontier (machine_id, source_id, last_life, heard)
select id, source_id, tick_time, tick_time - interval '3 seconds' from stanok.machine, stanok.engine_state limit 1
"""


def test_all_is_quiet_while_all_is_well(connection: Connection) -> None:
    for statement in WELL.format(now=at(140), machine=MACHINE).split(";\n"):
        connection.execute(statement.encode())
    assert loud(connection) == {}


@pytest.mark.parametrize(
    ("rule", "subject", "change"),
    [
        ("machine_down", MACHINE, "update stanok.machine_live set state = 5, since = since - interval '31 minutes'"),
        ("no_data", MACHINE, "update stanok.machine_live set state = 0, since = since - interval '6 minutes'"),
        ("collector_lag", MACHINE, "update stanok.machine_live set as_of = as_of - interval '2 minutes'"),
        ("oee_low", MACHINE, "update stanok.fact_shift set credit_good_us = 0, credit_total_us = 0"),
        ("spool_filling", "a.spool", MEASURED.format(row="'spool_left_h', 'a.spool', 23.9")),
        ("certificate", "c.der", MEASURED.format(row="'certificate_left_d', 'c.der', 29")),
        ("clock_skew", "minsk-opcua", SKEWED),
    ],
)
def test_a_rule_tells_its_subject_alone(connection: Connection, rule: str, subject: str, change: str) -> None:
    soon = Window(at(130), at(131))
    assert loud(connection, soon) == {}
    connection.execute(change.encode())
    assert loud(connection, soon) == {rule: [subject]}


def test_an_engine_that_writes_no_more_is_told_by_grafanas_clock(connection: Connection) -> None:
    assert loud(connection) == {"engine_stopped": ["engine"]}


def test_rules_are_complete_and_refer_to_what_is_there() -> None:
    (group,) = provisioned()["groups"]
    assert {"type": PANELS_SOURCE.type_val, "uid": PANELS_SOURCE.uid} == SOURCE
    assert len({rule["uid"] for rule in group["rules"]}) == len(RULES)
    for rule in group["rules"]:
        assert re.fullmatch(r"[a-z-]{1,40}", rule["uid"])
        steps = {step["refId"]: step for step in rule["data"]}
        assert rule["condition"] in steps
        for step in steps.values():
            assert step["model"]["refId"] == step["refId"]
            assert step["model"].get("expression", "A") in steps
        assert "$" not in str(rule["labels"]) + str(rule["annotations"])  # labels are read as variables of the system
        assert set(rule["annotations"]) == {"summary_en", "summary_ru"}
        assert " · " in rule["title"]
        sql = steps["A"]["model"]["rawSql"]
        assert not re.search(r"\$\{|\bnow\(", sql), "alert rules know no variables of boards"
        assert set(re.findall(r"\b([a-z]+)\.\w+", sql)) <= {"board", "h", "l"}
