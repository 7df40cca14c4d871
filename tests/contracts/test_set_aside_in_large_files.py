"""Rows that are set aside in a large file: the same lines, reasons and texts as by the reading with line numbers, and where
that is not certain, that reading."""

from __future__ import annotations

import random

import pytest

from flows.core import admission

HEADER = '"CODGEO_2026";"annee";"indicateur";"unite_de_compte";"nombre";"taux_pour_mille";"est_diffuse";"insee_pop"'
ROWS = 3000


def base(changed: dict[int, str], end: str = "\n", last: str = "\n") -> str:
    """A communal base; `changed` gives other text for the fields from `nombre` on, by line number."""
    lines = [HEADER]
    for row in range(ROWS):
        place = f'"63{row // 10:03d}";"{2016 + row % 10}";"Usage de stupéfiants";"Mis en cause"'
        lines.append(f"{place};{changed.get(row + 2, f'{chr(34)}{row % 97}{chr(34)};NA;{chr(34)}diff{chr(34)};NA')}")
    return end.join(lines) + last


BAD = {
    "negative": {1500: '"-7";NA;"diff";NA'},
    "first and last line": {2: '"-7";NA;"diff";NA', ROWS + 1: '"-8";NA;"diff";"12"'},
    "hidden with a count": {77: '"12";NA;"ndiff";NA', 78: '"12";NA;"ndiff";NA'},
    "no number": {1500: '"sept";NA;"diff";NA'},
    "half a person": {1500: '"7,5";NA;"diff";NA'},
    "thousands or decimals": {1500: '"2.000";NA;"diff";NA', 1600: '"3";"0,125";"diff";"147,000"'},
    "other labels": {1500: '"-7";NA;" Diff ";NA', 9: '"3";NA;"DIFFUSE";"n.d."'},
    "quotation marks": {1500: '"-7";NA;"diff";"1""2"'},
}


@pytest.fixture
def both(admit, monkeypatch):
    """both(content): what each reading leaves, and whether the fast one was enough."""

    def run(content: str):
        judged = []
        judge = admission._judge_table
        monkeypatch.setattr(
            admission,
            "_judge_table",
            lambda d, delivered, *m: judged.append(delivered.table.numbered) or judge(d, delivered, *m),
        )
        fast = admit("base-2025-geographie2026.csv", content, numbered_below_bytes=0)
        is_enough = judged == [False]
        monkeypatch.setattr(admission, "_judge_table", judge)
        return fast, admit("base-2025-geographie2026.csv", content, numbered_below_bytes=1 << 40), is_enough

    return run


def told(admitted) -> tuple:
    verdict = admitted.verdict
    return verdict.verdict, verdict.rows_read, verdict.rows_accepted, verdict.quarantine, verdict.refusal, admitted


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("changed", BAD.values(), ids=BAD)
def test_both_readings_set_the_same_lines_aside(changed, end, both) -> None:
    fast, numbered, is_enough = both(base(changed, end, end))
    assert is_enough and numbered.quarantined
    assert (fast.quarantined, fast.accepted) == (numbered.quarantined, numbered.accepted)
    assert told(fast)[:5] == told(numbered)[:5]


def test_the_lines_are_those_of_the_file(both) -> None:
    changed = dict.fromkeys(random.Random(5).sample(range(2, ROWS + 2), 40), '"-7";NA;"diff";NA')
    fast, _, is_enough = both(base(changed))
    lines = base(changed).split("\n")
    assert is_enough and [line for line, *_ in fast.quarantined] == sorted(changed)
    assert all(text == lines[line - 1].replace('"', "") for line, _, text in fast.quarantined)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (base(BAD["negative"]).replace("\n", "\n\n", 1), "an empty line below the header"),
        (base(BAD["negative"], last="\n\n\n"), "empty lines at the end"),
        (base({1500: '"-7";NA;"di\rff";NA'}), "a carriage return within a line"),
        (base(BAD["negative"], "\r\n", "\r\n").replace("\r\n", "\n", 2), "two kinds of line ends"),
        (base({1500: '"-7";NA;"diff";NA;"a";"b"'}), "a line of another width"),
    ],
    ids=lambda value: value if len(value) < 50 else "",
)
def test_where_rows_are_not_lines_the_file_is_read_again(content, why, both) -> None:
    fast, numbered, is_enough = both(content)
    assert not is_enough, why
    assert told(fast)[:5] == told(numbered)[:5] and fast.quarantined == numbered.quarantined


def test_rows_in_another_order_than_the_lines_are_found_out(both, monkeypatch) -> None:
    write = admission._write_at_once

    def shuffled(con, contract, delivered, scan, path):
        write(con, contract, delivered, scan, path)
        mixed = path.with_suffix(".mixed")
        con.execute(f"copy (select * from '{path}' order by hash(territory_code, year)) to '{mixed}' (format parquet)")
        mixed.replace(path)

    monkeypatch.setattr(admission, "_write_at_once", shuffled)
    fast, numbered, is_enough = both(base(BAD["negative"]))
    assert not is_enough
    assert fast.quarantined == numbered.quarantined and told(fast)[:5] == told(numbered)[:5]


def test_very_many_rows_are_told_by_a_second_reading(both, monkeypatch) -> None:
    monkeypatch.setattr(admission, "FEW_ROWS", 10)
    fast, numbered, is_enough = both(base(dict.fromkeys(range(100, 120), '"-7";NA;"diff";NA')))
    assert not is_enough and len(fast.quarantined) == 20
    assert fast.quarantined == numbered.quarantined


def test_of_a_refused_file_the_line_is_told(both) -> None:
    """A year that repeats the one before, as a base does in which a column was copied one row too far."""
    repeated = {row + 2: f'"{100 + row // 10}";NA;"diff";NA' for row in range(ROWS) if row % 10 >= 8}
    fast, numbered, is_enough = both(base(repeated))
    assert (
        not is_enough and numbered.verdict.refusal["code"] == "year_not_repeated" and numbered.verdict.refusal["line"]
    )
    assert told(fast)[:5] == told(numbered)[:5]
