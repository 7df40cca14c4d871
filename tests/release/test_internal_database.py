"""The internal database: exact, closed, of one release, and able to answer what a release hides."""

from __future__ import annotations

import json
from dataclasses import replace

import duckdb
import pytest

from flows.core import internal, models, pipeline, publishing, reporting
from flows.core.contracts import load_contracts
from flows.settings import PROJECT, Settings

HEADER = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service\n"


@pytest.fixture(scope="module")
def exact(sample_run):
    settings, _ = sample_run
    with duckdb.connect(str(settings.internal), read_only=True) as con:
        yield con


@pytest.fixture(scope="module")
def graph():
    return models.load_graph(PROJECT / "sql", load_contracts(PROJECT / "sql" / "0_sources"))


def test_it_says_which_release_it_belongs_to(sample_run, exact) -> None:
    settings, outcome = sample_run
    manifest = json.loads((outcome.release / "manifest.json").read_text())
    told = exact.execute("select release, run_id, code_version, as_of, manifest_sha256 from about.release").fetchall()
    noted = (outcome.release / "manifest.sha256").read_text().split()[0]
    assert told == [(outcome.release.name, manifest["run_id"], manifest["code_version"], manifest["as_of"], noted)]
    assert settings.internal.stat().st_mode & 0o777 == 0o600


def test_its_audit_tables_are_exact_and_add_up(sample_run, exact) -> None:
    settings, _ = sample_run
    sql = "select delivery_id, rows_read, rows_accepted, rows_quarantined, bytes from audit.deliveries order by all"
    verdicts = {path.stem: json.loads(path.read_text()) for path in settings.verdicts.glob("*.json")}
    names = ("rows_read", "rows_accepted", "rows_quarantined")
    rows = exact.execute(sql).fetchall()
    assert {row[0]: row[1:4] for row in rows} == {id: tuple(told[n] for n in names) for id, told in verdicts.items()}
    assert all(read == accepted + aside and size for _, read, accepted, aside, size in rows)
    sums = exact.execute(
        "select sum(rows_read), sum(rows_accepted), sum(rows_quarantined) from audit.completeness"
    ).fetchone()
    assert sums == tuple(sum(row[i] for row in rows) for i in (1, 2, 3))
    aside = "select delivery_id, sum(rows) from audit.quarantine group by all order by all"
    assert exact.execute(aside).fetchall() == [(r[0], r[3]) for r in rows if r[3]]
    failed = exact.execute(
        "select failed_rows from audit.checks where expectation_id = 'linked_needs_rule' and verdict = 'failed'"
    )
    assert failed.fetchall() == [(1,)], "hidden in the release"


def test_it_has_the_columns_of_the_public_tables(exact, release) -> None:
    for table in internal.EXACT:
        sql = f"select column_name from (describe audit.{table})"
        assert exact.execute(sql).fetchall() == release.execute(sql).fetchall()
        hidden = exact.execute(f"select count(*) from audit.{table} where rows_status <> 'exact'").fetchone()[0]
        assert (
            hidden == release.execute(f"select count(*) from audit.{table} where rows_status <> 'exact'").fetchone()[0]
        )


def test_every_query_of_a_model_runs_in_it_as_it_stands(exact, graph) -> None:
    """Those of published tables that read no other published one, and none of what a release holds whole itself."""
    public = {f"sources.{name}" for name in internal.PUBLIC_AS_THEY_ARE}
    tried = 0
    for model in graph.models:
        if (
            model.sql
            and not set(model.reads) & public
            and not any(graph.by_name[r].is_published for r in model.reads if r in graph.by_name)
        ):
            exact.execute(f"select * from ({model.sql}\n) limit 1").fetchall()
            tried += 1
    assert tried > 80


def test_all_that_is_built_is_in_it_and_described(exact, graph) -> None:
    tables = "select schema_name || '.' || table_name, comment from duckdb_tables()"
    views = "select schema_name || '.' || view_name, comment from duckdb_views() where not internal"
    found = dict(exact.execute(f"{tables} union all {views}").fetchall())
    assert {m.name for m in graph.models if not m.is_published} - set(found) == set()
    assert {f"sources.{name}" for name in load_contracts(PROJECT / "sql" / "0_sources")} - set(found) == set()
    assert [name for name, text in found.items() if not text] == []


def deliver(settings: Settings, name: str, count: int) -> None:
    rows = "".join(f"I-{name}-{n};2025-01-{n + 1:02} 14:05;CF01;rixe;oui;v1;pm\n" for n in range(count))
    settings.raw.mkdir(parents=True, exist_ok=True)
    (settings.raw / name).write_text(HEADER + rows)


def release_of(settings: Settings) -> str | None:
    return internal.release_of(settings.internal)


def test_it_follows_the_newest_run_and_is_written_again_when_it_is_gone(tmp_path, barometer) -> None:
    from datetime import date

    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    deliver(settings, "a.csv", 3)
    pipeline.refresh(replace(settings, publish=False))
    assert not settings.internal.exists(), "nothing was published"
    one = pipeline.refresh(settings).release
    deliver(settings, "b.csv", 2)
    two = pipeline.refresh(settings).release
    assert release_of(settings) == two.name
    with duckdb.connect(str(settings.internal), read_only=True) as con:
        assert con.execute("select rows_accepted from audit.deliveries order by all").fetchall() == [(2,), (3,)]
    publishing.switch(settings.current, one)
    assert release_of(settings) == two.name != one.name
    assert reporting.status(settings, date(2025, 3, 1)).internal == two.name
    said = barometer("status", "--raw", settings.raw, "--out", settings.out).stdout
    assert f"that of the newest run, {two.name}, not of the current release" in said
    publishing.switch(settings.current, two)
    settings.internal.unlink()
    three = pipeline.refresh(settings)
    assert three.release is not None and release_of(settings) == three.release.name
    assert pipeline.refresh(settings).is_unchanged


EXACT_COUNTS = {
    "deliveries": ("rows_read", "rows_accepted", "rows_quarantined", "bytes", "refusal"),
    "checks": ("checked_rows", "failed_rows"),
    "quarantine": ("rows",),
    "profiles": ("rows", "filled", "total"),
}


def test_no_published_column_reaches_an_exact_count_of_rows_but_drift_which_withholds_it(release) -> None:
    reached = set()
    for table, columns in EXACT_COUNTS.items():
        named = ", ".join(f"'{column}'" for column in columns)
        sql = f"""select distinct table_name from audit.origins
            where source_table similar to 'sources.{table}(_of_[a-z]+)?' and source_column in ({named})"""
        reached |= {name for (name,) in release.execute(sql).fetchall()}
    assert reached == {"audit.drift"}
    withheld = "select count(*) from audit.drift where is_hidden and coalesce(value, expected, ratio) is not null"
    assert release.execute(withheld).fetchone() == (0,)
    guarded = (
        "select bool_and(is_hidden) from audit.drift where contract = 'police_incidents' and measure <> 'column_retold'"
    )
    assert release.execute(guarded).fetchone() == (True,)
