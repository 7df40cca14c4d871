"""What a sender wrote above a column that no contract knows, or into a file's name: no table, page, log or verdict tells it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from flows.core import landing
from flows.core.personal import without_personal

KNOWN = "id_action;id_partenaire;date;action;canal;zone;personnes_touchees"
NAMES = ("Karim Benali", "sophie.durand@free.fr", "tel Mme Rossi", "Enfant de Mme Petit")
PLANTED = (
    "karim",
    "benali",
    "sophie",
    "durand",
    "mme rossi",
    "mme_rossi",
    "enfant_de",
    "enfant de",
    "mme petit",
    "mme_petit",
)
FILES = {"03": "journal-03.csv", "04": "journal tél 06 12 34 56 78 mme.simonet@free.fr.csv"}
IN_NAMES = ("06 12 34 56 78", "mme.simonet", "free.fr")


@pytest.fixture(scope="module")
def told(tmp_path_factory, finished):
    """Two months of a log, the second with such columns, run as a user would: (folder of the warehouse, finished process)."""
    folder = tmp_path_factory.mktemp("untold")
    partners = folder / "raw" / "partners"
    partners.mkdir(parents=True)
    for month, names in (("03", ()), ("04", NAMES)):
        rows = (
            ";".join(
                [f"A-{month}-{n}", "P002", f"{n:02}/{month}/2026", "Atelier", "", "CF01", "11", *"1234"[: len(names)]]
            )
            for n in range(1, 9)
        )
        header = ";".join([KNOWN, *names])
        log = partners / FILES[month]
        log.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        receipt = landing.new_receipt(log, landing.sha256_of(log), f"2026-{month}-28T12:00:00Z")
        landing.write_receipt(log.with_name(log.name + landing.RECEIPT_ENDING), receipt)
    done = finished("run", "--direct", "--raw", folder / "raw", "--out", folder / "out", COLUMNS="1000")
    return folder / "out", done


def planted_in(path: Path) -> set[str]:
    """The planted words in a file: in its bytes; of a packed file of tables in its cells and names of columns."""
    if path.suffix not in (".duckdb", ".parquet"):
        text = path.read_bytes().decode("utf-8", "replace").lower()
        return {word for word in (*PLANTED, *IN_NAMES) if word in text}
    with duckdb.connect(str(path), read_only=True) if path.suffix == ".duckdb" else duckdb.connect() as con:
        tables = [f"read_parquet('{path}')"]
        if path.suffix == ".duckdb":
            names = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            tables = [f'"{schema}"."{table}"' for schema, table in names]
        # a row as text tells its columns' names as well
        query = "select distinct word from {} r, unnest($1) w(word) where contains(lower(cast(to_json(r) as varchar)), word)"
        return {
            word for table in tables for (word,) in con.execute(query.format(table), [[*PLANTED, *IN_NAMES]]).fetchall()
        }


def test_no_file_and_no_message_tells_what_stood_there(told) -> None:
    out, done = told
    assert done.returncode == 0, done.stderr
    printed = (done.stdout + done.stderr).lower()
    assert [word for word in (*PLANTED, *IN_NAMES) if word in printed] == []
    index = out / "raw_index.json"  # where the files lie; for its owner alone
    files = [path for path in out.rglob("*") if path.is_file() and path != index]
    assert len(files) > 100
    assert {str(path.relative_to(out)): words for path in files if (words := planted_in(path))} == {}


def test_the_columns_are_told_by_their_numbers(told) -> None:
    out, done = told
    with duckdb.connect(str(out / "current" / "campaign.duckdb"), read_only=True) as con:
        items = con.execute("select item from audit.drift where measure = 'column_new' order by item").fetchall()
    assert items == [("column_10",), ("column_11",), ("column_8",), ("column_9",)]
    assert "(field 8, 9, 10, 11)" in done.stdout + done.stderr


def test_the_file_is_told_without_what_reaches_a_person(told) -> None:
    out, done = told
    shown = "partners/journal tél *** ***.csv"
    with duckdb.connect(str(out / "current" / "campaign.duckdb"), read_only=True) as con:
        assert (shown,) in con.execute("select file_name from audit.deliveries").fetchall()
    assert shown in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tél 06 12 34 56 78 mme.durand@free.fr.csv", "tél *** ***.csv"),
        ("appels_0612345678.csv", "appels_***.csv"),
        ("06.12.34.56.78.xlsx", "***.xlsx"),
        ("+33 6 12 34 56 78 (copie).csv", "*** (copie).csv"),
        ("enquete - False - 2026-01-05-08-30-12.csv", None),
        ("Capture 2026-01-05 08.30.12.csv", None),
        ("export-20260105083012.csv", None),
        ("donnee-dep-data.gouv-2022-geographie2023-produit-le2023-07-17.csv.gz", None),
    ],
)
def test_what_reaches_a_person_is_replaced_and_times_are_not(name, shown) -> None:
    assert without_personal(name) == (shown or name)


def test_files_that_are_told_alike_stay_two(tmp_path) -> None:
    """The same content under two names is a copy, not the same file received again."""
    for name in ("06 12 34 56 78.csv", "06 98 76 54 32.csv"):
        (tmp_path / name).write_text("a;b\n1;2\n", encoding="utf-8")
    (delivery,) = landing.land_all(tmp_path, tmp_path.parent / "index" / "raw_index.json")
    assert delivery.duplicate_names == ("***.csv",) and delivery.received_again == ()
