"""The benchmark's deliveries are the same on every run, in the publishers' forms, and nothing in them is refused."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from flows.core import receiving
from flows.settings import PROJECT, Settings

BENCHMARKS = PROJECT / "benchmarks"
FACTOR = "0.0005"
COMMUNAL = "police/donnee-comm-data.gouv-2025-geographie2026-produit-le2026-06-25.csv.gz"
EVENTS = "partners/actions-partenaires.jsonl.gz"
SMALL = "partners/actions-partenaires-complement.csv"
PUBLISHED = (
    PROJECT.parent
    / "shared/data/police/ssmsi/extract-donnee-comm-data.gouv-2025-geographie2026-produit-le2026-06-25.csv"
)
ROWS = {COMMUNAL: 2800, EVENTS: 1000, SMALL: 50}
NAMES = [
    COMMUNAL,
    EVENTS,
    SMALL,
    "partners/partenaires.csv",
    "reference/marges-recensement.csv",
    "reference/populations.csv",
    "reference/zones.csv",
    "surveys/enquete-habitants-2025-03.csv",
    "surveys/enquete-habitants-2025-12.csv",
    "surveys/enquete-habitants-2026-09.csv",
]


def run(script: str, *arguments: object) -> None:
    command = [sys.executable, BENCHMARKS / script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    subprocess.run(command, check=True, capture_output=True, cwd=PROJECT, env=environment)


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    """Everything at a small factor, by the command that the benchmark uses."""
    out = tmp_path_factory.mktemp("benchmark")
    run("generate.py", "--factor", FACTOR, "--out", out)
    return out


@pytest.fixture(scope="module")
def with_small(generated, tmp_path_factory) -> Path:
    """The same with the further small delivery put beside."""
    out = tmp_path_factory.mktemp("benchmark_small") / "raw"
    shutil.copytree(generated, out)
    run("generate.py", "--small", "--out", out)
    return out


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()


def module(name: str):
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def test_two_runs_give_the_same_bytes(with_small, tmp_path) -> None:
    run("generate.py", "--factor", FACTOR, "--out", tmp_path)
    run("generate.py", "--small", "--out", tmp_path)
    assert files_below(tmp_path) == files_below(with_small)


def test_the_deliveries_are_these_each_with_a_receipt(with_small) -> None:
    names = [name for name in files_below(with_small) if not Path(name).name.startswith(".")]
    assert sorted(names) == sorted(NAMES + [f"{name}.receipt.json" for name in NAMES])
    receipts = [json.loads((with_small / f"{name}.receipt.json").read_text(encoding="utf-8")) for name in NAMES]
    assert all(receipt["is_synthetic"] and receipt["received_at"] < "2026-11-11" for receipt in receipts)
    assert [receipt["file_name"] for receipt in receipts] == [Path(name).name for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_admitted(with_small, name, tmp_path) -> None:
    settings = Settings(raw=with_small, out=tmp_path).resolved()
    verdict = receiving.check(settings, with_small / name)
    contract = json.loads((with_small / f"{name}.receipt.json").read_text(encoding="utf-8"))["contract"]
    failed = {check["expectation_id"] for check in verdict.checks if check["verdict"] != "passed"}
    # the base ends where its number of rows is reached, in the middle of a commune; some of few respondents are alone
    assert (failed - {"cells_complete", "respondents_not_alone"}, verdict.contract) == (set(), contract)
    assert verdict.rows_quarantined == 0
    assert verdict.rows_accepted == verdict.rows_read == ROWS.get(name, verdict.rows_read) > 0


def test_the_communal_base_is_laid_out_as_the_publisher_does(generated) -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the publisher's files are kept outside the project (../shared/data)")
    ours, theirs = lines_of(generated / COMMUNAL), PUBLISHED.read_text(encoding="utf-8").splitlines()
    assert ours[0] == theirs[0]
    assert {tuple(line.split(";")[2:4]) for line in ours} == {tuple(line.split(";")[2:4]) for line in theirs}
    assert {shape(line) for line in ours[1:]} == {shape(line) for line in theirs[1:]}


def shape(line: str) -> str:
    """A line's fields as what they are: NA, a number of seven decimals, or any other quoted value."""
    return re.sub(r'"[^"]*"', "quoted", re.sub(r'"[0-9]+,[0-9]{7}"', "decimal", line))


def test_counts_rates_and_hidden_cells_fit_together(generated) -> None:
    with duckdb.connect() as con:
        con.execute(
            f"""create table cells as select * from read_csv('{generated / COMMUNAL}', delim = ';', quote = '"',
            decimal_separator = ',', nullstr = 'NA', types = {{'CODGEO_2026': 'varchar'}})"""
        )
        wrong = """
            select count(*)
            from (select *, if(indicateur = 'Cambriolages de logement', insee_log, insee_pop) as divisor from cells)
            where abs(taux_pour_mille - 1000.0 * nombre / nullif(divisor, 0)) > 1e-6
                or (est_diffuse = 'ndiff') <> (nombre is null)
                or (nombre is null) <> (complement_info_nombre is not null)"""
        assert con.execute(wrong).fetchone()[0] == 0
        share, territories = con.execute(
            "select avg((nombre is null)::int), count(distinct CODGEO_2026) from cells"
        ).fetchone()
        assert 0.2 < share < 0.4 and territories == 19
        fined = """
            select count(*) from cells u join cells f on u.CODGEO_2026 = f.CODGEO_2026 and u.annee = f.annee
            where u.indicateur = 'Usage de stupéfiants' and f.indicateur = 'Usage de stupéfiants (AFD)'
            and f.nombre > u.nombre"""
        assert con.execute(fined).fetchone()[0] == 0
        followed = con.execute("select count(*) from cells where CODGEO_2026 = '63113' and nombre is not null")
        assert followed.fetchone()[0] == 150


def test_another_generator_or_factor_makes_the_folder_stale(generated) -> None:
    generate = module("generate")
    assert generate.is_complete(float(FACTOR), generated)
    assert not generate.is_complete(0.001, generated)


def test_bare_duckdb_reads_them_into_the_same_shape(generated, tmp_path) -> None:
    """It checks its hand-written readers against the contracts itself."""
    run("bare.py", "--raw", generated, "--out", tmp_path / "bare")
    with duckdb.connect(str(tmp_path / "bare" / "campaign.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from marts.police_statistics").fetchone()[0] == ROWS[COMMUNAL]
        # how many answered each wave is rounded; that each wave was read is not
        assert con.execute("select count(*) from marts.survey_waves where is_received").fetchone()[0] == 3
    run("outputs.py", *[tmp_path / "bare" / "campaign.duckdb"] * 2)


def test_a_difference_in_the_outputs_is_found(tmp_path) -> None:
    outputs = module("outputs")
    for name, value in (("a", 1), ("b", 2)):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
            con.execute(f"create schema marts; create table marts.t as select 7 as same, {value} as other")
    count, found = outputs.differences(tmp_path / "a.duckdb", tmp_path / "b.duckdb")
    assert (count, found) == (1, ["t: 1 and 1 rows of 1 differ; columns other"])


def test_the_small_delivery_has_one_name() -> None:
    assert module("compare").SMALL_DELIVERY == module("generate").SMALL_DELIVERY == SMALL


def test_the_checks_written_by_hand_find_what_our_validation_finds(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    checks = module("checks")
    clean, bad = tmp_path / "clean.parquet", tmp_path / "bad.parquet"
    checks.make(clean, bad, rows=2800, share=0.01)
    for path in (clean, bad):
        ours, sql = (checks.run_side(side, path)["found"] for side in checks.SIDES)
        assert ours == sql
        failed = {name for name, (_, count) in sql.items() if count}
        assert failed == (set() if path == clean else {*checks.FAILING, checks.REPEATED_KEY})
