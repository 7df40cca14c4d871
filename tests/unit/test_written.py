"""What a run writes about itself: JSON that reads back as it was, and rows about the run as DuckDB holds them."""

from __future__ import annotations

import json
from datetime import date, datetime

import duckdb
import pytest

from flows.core import models
from flows.core.written import as_json

CONTENTS = [
    {},
    {"a": [], "b": {}, "é": 'd\'été \u2028 "x"\n', "none": None},
    {"tables": {"x": {"rows": 1, "columns": {"a": "VARCHAR"}}, "y": {"rows": 2}}, "list": [{"a": [1, 2]}, [], 3.5]},
    {1: "a key that is no text", "nested": [[["deep"]]]},
]


@pytest.mark.parametrize("content", CONTENTS)
def test_it_reads_back_as_what_json_itself_would_write(content) -> None:
    assert json.loads(as_json(content)) == json.loads(json.dumps(content))


def test_each_entry_of_a_list_or_a_table_stands_on_a_line_of_its_own() -> None:
    lines = as_json({"files": {"a": {"sha256": "1"}, "b": {"sha256": "2"}}, "day": date(2026, 11, 1)}).splitlines()
    assert lines == [
        "{",
        '"files": {',
        '"a": {"sha256": "1"},',
        '"b": {"sha256": "2"}',
        "},",
        '"day": "2026-11-01"',
        "}",
    ]


def test_rows_about_the_run_are_held_in_their_order_with_their_types_and_gaps() -> None:
    rows = [
        ("d1", "period", None, "l'été", date(2025, 1, 1), 3, None, "12.5"),
        ("d2", "rows", None, None, None, 2**40, 0, None),
        ("d1", "label", "kind", "", "2025-02-01", None, 1, "0"),
    ]
    with duckdb.connect() as con:
        models.create_run_table(con, "profiles", rows)
        found = con.execute("select * replace (cast(total as varchar) as total) from sources.profiles").fetchall()
        models.create_run_table(con, "profiles", [])
        emptied = con.execute("select count(*) from sources.profiles").fetchone()[0]
        models.create_run_table(con, "run", [(date(2026, 1, 2), "v")])
        run = con.execute("select * from sources.run").fetchall()
    assert found == [
        ("d1", "period", None, "l'été", date(2025, 1, 1), 3, None, "12.500"),
        ("d2", "rows", None, None, None, 2**40, 0, None),
        ("d1", "label", "kind", "", date(2025, 2, 1), None, 1, "0.000"),
    ]
    assert (emptied, run) == (0, [(date(2026, 1, 2), "v")])
    assert not any(isinstance(value, datetime) for value in run[0])
