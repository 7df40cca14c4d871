"""Secrets planted in every text column of every contract: where each may be seen after a run, and where never."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

import duckdb
import pytest

from flows.core.contracts import Column, Contract, load_contracts
from flows.settings import PROJECT

TEXTS = ("text", "code", "label")
SAMPLE_VALUES = {
    "integer": "1",
    "number": "1",
    "percent": "1",
    "year": "2024",
    "date": "2024-05-06",
    "timestamp": "2024-05-06 14:05",
    "boolean": "oui",
}
PLAIN_TABLES = [name for name, c in load_contracts(PROJECT / "sql/0_sources").items() if "csv" in c.forms]
"""Contracts whose deliveries are tables of their own columns; exports of surveys and workbooks have tests of their own."""

REFUSED = {("zones", "zone_type")}
"""Columns in which an unknown word sends the whole delivery back: planted in a file of their own."""

UNKNOWN = "remarque_libre"
"""A column that no contract knows."""

PUBLISHED = {
    *(("zones", column) for column in ("zone_code", "name", "parent_code")),
    *((f"ssmsi_{base}", column) for base in ("communal", "departemental", "regional") for column in
      ("territory_code", "department_code", "region_code", "indicator_label", "unit_label")),
}  # fmt: skip
"""Columns of which the design publishes the delivered words: places, and the ministry's own labels of its open data."""

LISTED = {(name, column) for name, column in PUBLISHED if column in ("indicator_label", "unit_label")}
"""The ministry's labels (`listed: true` in the contracts) are counted by name, so that a new one is seen."""

SECRET = re.compile(b"zqx[a-z]+?xqz")


def token(contract: str, column: str) -> str:
    """A secret of letters alone, so that it survives whatever is done to case, accents and punctuation; found in any case."""
    return "zqx" + re.sub("[^a-z]", "x", f"{contract}x{column}") + "xqz"


FITTING = {
    "ssmsi_communal": {"territory_code": "63113", "complement_count": "", "complement_rate_per_1000": ""},
    "ssmsi_departemental": {"territory_code": "63", "region_code": "84"},
    "ssmsi_regional": {"territory_code": "84", "department_code": ""},
    "zones": {"zone_code": "CF{number}", "zone_type": "Quartier", "name": "Quartier {number}", "parent_code": ""},
    "census_margins": {"zone_group": "qpv", "age_band": "18-29", "year": "{year}"},
}
"""Values by which one column of a row fits the others, where the contract holds them against each other."""

for base in ("ssmsi_communal", "ssmsi_departemental", "ssmsi_regional"):
    FITTING[base] |= {
        "year": "{year}", "indicator_label": "Usage de stupéfiants", "unit_label": "Mis en cause",
        "count": "7", "population": "1000", "rate_per_1000": "7",
    }  # fmt: skip


def valid(contract: Contract, column: Column, number: int) -> str:
    """A value that the contract takes; codes and years that tell rows apart carry the row's number."""
    if column.name in FITTING.get(contract.name, {}):
        return FITTING[contract.name][column.name].format(number=number, year=2016 + number)
    if column.values:
        code, spellings = column.values[0]
        return spellings[0] if spellings else code
    return SAMPLE_VALUES.get(column.type, f"K{number}")


def header_of(column: Column) -> str:
    return next((spelling for spelling in column.spellings if "[" not in spelling), column.name)


def delivered_columns(contract: Contract) -> list[Column]:
    """The contract's columns, but for those by which a delivery of another contract is known; and one that none knows."""
    own = [column for column in contract.columns if column.name not in contract.recognise_none]
    return [*own, Column(UNKNOWN, "text", "a column that no contract knows")]


def text_columns(contract: Contract) -> list[str]:
    return [column.name for column in delivered_columns(contract) if column.type in TEXTS]


def table_with_secrets(contract: Contract, plans: list[set[str]]) -> bytes:
    """A row for each plan, with a secret in each of the columns that the plan names."""
    columns = delivered_columns(contract)
    told = io.StringIO()
    writer = csv.writer(told, delimiter=";", lineterminator="\n")
    writer.writerow(header_of(column) for column in columns)
    for number, planted in enumerate(plans):
        writer.writerow(
            token(contract.name, c.name) if c.name in planted else valid(contract, c, number) for c in columns
        )
    return told.getvalue().encode()


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(PROJECT / "sql" / "0_sources")


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory, finished, contracts):
    """One delivery of each contract, run as a user would: (raw folder, folder of the warehouse, finished process)."""
    folder = tmp_path_factory.mktemp("canary")
    for name in PLAIN_TABLES:
        place = folder / "raw" / contracts[name].source
        place.mkdir(parents=True, exist_ok=True)
        texts = [column for column in text_columns(contracts[name]) if (name, column) not in REFUSED]
        plans = [set(), *({column} for column in texts), set(texts)]
        (place / f"{name}.csv").write_bytes(table_with_secrets(contracts[name], plans))
    for name, column in REFUSED:
        plans = [set(), {column, UNKNOWN}]
        (folder / "raw" / contracts[name].source / "refused.csv").write_bytes(
            table_with_secrets(contracts[name], plans)
        )
    (folder / "raw" / "surveys").mkdir()
    (folder / "raw" / "surveys" / "enquete.csv").write_text(survey_with_secrets(), encoding="utf-8")
    before = os.umask(0o077)  # the command has it from us: what is public must be so all the same
    try:
        done = finished("run", "--direct", "--raw", folder / "raw", "--out", folder / "out", COLUMNS="1000")
    finally:
        os.umask(before)
    return folder / "raw", folder / "out", done


def survey_with_secrets() -> str:
    """Answers in the respondent's own words, two of them in columns that every LimeSurvey export has, and times and seeds."""
    header = (
        '"id","submitdate","lastpage","startlanguage","SEXE","AGE","SECU_JOUR","AIDE_OU","AIDE_OU[other]","COMMENT"'
    )
    row = '"{}","2025-03-10 08:04:43","4","fr","F","A1","2","A4","{}","{}"'
    words = [token("survey_answers", name) for name in ("other", "comment")]
    return "\n".join([header, row.format(1, *words), row.format(2, "", "")]) + "\n"


@pytest.fixture(scope="module")
def seen(whole_run, contracts) -> dict[str, set[tuple[str, str]]]:
    """Every secret that a run left, by the file that holds it (path below the warehouse), as (contract, column)."""
    _, out, _ = whole_run
    known = {token(n, c): (n, c) for n in PLAIN_TABLES for c in text_columns(contracts[n])}
    known |= {token("survey_answers", name): ("survey_answers", name) for name in ("other", "comment")}
    found = {
        str(path.relative_to(out)): {known[secret] for secret in secrets_in(path)}
        for path in out.rglob("*")
        if path.is_file()
    }
    assert len(found) > 100, len(found)
    return found


def secrets_in(path: Path) -> set[str]:
    """The secrets in a file: in its bytes; of a packed file of tables, whose bytes hold fragments, in its cells."""
    if path.suffix not in (".duckdb", ".parquet"):
        return {match.decode() for match in SECRET.findall(path.read_bytes().lower())}
    with duckdb.connect(str(path), read_only=True) if path.suffix == ".duckdb" else duckdb.connect() as con:
        tables = [f"read_parquet('{path}')"]
        if path.suffix == ".duckdb":
            names = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            tables = [f'"{schema}"."{table}"' for schema, table in names]
        pattern = SECRET.pattern.decode()
        query = "select distinct unnest(regexp_extract_all(lower(cast(r as varchar)), $1)) from {} r"
        return {secret for table in tables for (secret,) in con.execute(query.format(table), [pattern]).fetchall()}


def below(seen: dict, *folders: str) -> set[tuple[str, str]]:
    return set().union(*(found for name, found in seen.items() if name.startswith(folders)))


def test_the_run_publishes_what_it_can(whole_run) -> None:
    _, _, done = whole_run
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stdout + done.stderr


def test_the_secrets_really_are_in_every_text_column(whole_run, seen, contracts) -> None:
    raw, _, _ = whole_run
    planted = {secret for path in raw.rglob("*.csv") for secret in secrets_in(path)}
    assert len(planted) == sum(len(text_columns(contracts[n])) for n in PLAIN_TABLES) + 2
    assert len(below(seen, "quarantine")) > 40, "rows that are set aside keep their text, in the restricted folder"


def test_neither_messages_nor_pages_nor_results_tell_a_value(whole_run, seen) -> None:
    """Standard output, verdicts, records of runs, manifest, pages, suites, results: counts, never values."""
    _, _, done = whole_run
    assert SECRET.findall((done.stdout + done.stderr).lower().encode()) == []
    may_hold_values = ("quarantine", "staged", "kept", "current")
    told = {
        name: found - LISTED
        for name, found in seen.items()
        if found - LISTED and not name.startswith(may_hold_values) and Path(name).suffix not in (".duckdb", ".parquet")
    }
    assert told == {}
    assert any("/validation/deliveries/" in name for name in seen) and any(n.startswith("verdicts/") for n in seen)


def test_only_what_the_contract_stages_is_staged(seen, contracts) -> None:
    staged = {(name, column.name) for name in contracts for column in contracts[name].staged_columns}
    inside = below(seen, "staged", "kept", "warehouse.duckdb")
    assert inside and inside - staged == set()
    assert ("resident_feedback", "comment_text") not in staged
    assert all(column != UNKNOWN for _, column in inside)


def test_the_public_tree_holds_no_secret_but_the_places_and_labels(whole_run, seen) -> None:
    """`current` as a reader finds it, letters included; nothing leads out of it, and only the letters are closed."""
    _, out, _ = whole_run
    public = (out / "current").resolve()
    assert public.is_relative_to(out / "releases") and not [path for path in public.rglob("*") if path.is_symlink()]
    assert below(seen, str(public.relative_to(out.resolve()))) - PUBLISHED == set()


def test_the_three_places_have_their_modes_under_a_closed_umask(whole_run, wrong_modes) -> None:
    _, out, _ = whole_run
    assert wrong_modes(out) == []
    assert out.stat().st_mode & 0o777 == 0o755, "whoever reads the release comes through here"
    assert any((out / "quarantine").iterdir()) and any((out / "staged").rglob("*.parquet"))


def test_only_places_and_the_ministrys_labels_are_published(seen) -> None:
    published = below(seen, "releases")
    assert published and published - PUBLISHED == set()
