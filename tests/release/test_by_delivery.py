"""Models that are kept by delivery: of deliveries known before the rows are taken over, and all is as if counted from nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace

import duckdb
import pytest

from flows.core import ledger, models, pipeline
from flows.core.contracts import load_contracts
from flows.core.errors import ModelError
from flows.settings import PROJECT, Settings
from tests.release.conftest import deliver

SQL = PROJECT / "sql"
CONTRACTS = load_contracts(SQL / "0_sources")
GRAPH = models.load_graph(SQL, CONTRACTS)
KEPT = [model for model in GRAPH.models if model.is_by_delivery]
HEADER = "Id action;Code partenaire;Date action;Action;Code zone;Personnes touchées;Personnes formées\n"


def actions(first: int, month: str, count: int = 12) -> str:
    kinds = ("Point d'information", "Formation", "Médiation")
    return "".join(
        f"A-{first + n};P{n % 3};{n % 27 + 1:02}/{month};{kinds[n % 3]};CF0{n % 3 + 1};{20 + n};{n or ''}\n"
        for n in range(count)
    )


@pytest.fixture
def taken(monkeypatch) -> dict[str, list[str]]:
    """Of which deliveries rows were taken over, by model."""
    found: dict[str, list[str]] = {}
    build = models.build_by_delivery

    def noted(con, model, kept, same):
        found[model.table] = sorted(same)
        return build(con, model, kept, same)

    monkeypatch.setattr(models, "build_by_delivery", noted)
    return found


def content(settings: Settings) -> dict[str, tuple]:
    """Rows and fingerprint of every table that says the same of the same deliveries, however it came about."""
    tables = ledger.read_json(settings.current / "manifest.json")["tables"]
    return {name: (t["rows"], t["content_fingerprint"]) for name, t in tables.items() if t["content_fingerprint"]}


def test_only_new_deliveries_are_counted_and_a_corrected_action_makes_all_count_anew(tmp_path, taken) -> None:
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    settings.raw.mkdir()
    deliver(settings, "actions-01.csv", HEADER + actions(100, "01/2025", 30), "2025-02-01T00:00:00Z")
    pipeline.refresh(settings)
    assert not taken, "there is nothing to take over from"

    deliver(settings, "actions-02.csv", HEADER + actions(200, "02/2025"), "2025-03-01T00:00:00Z")
    pipeline.refresh(settings)
    first = next(row["delivery_id"] for row in told(settings) if row["file_name"] == "actions-01.csv")
    assert taken == {model.table: [first] for model in KEPT}

    taken.clear()
    damaged = next(settings.kept.glob("intermediate.int_partner_months_by_delivery-*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-10])
    # two of the first file's actions, and two new ones
    deliver(settings, "actions-03.csv", HEADER + actions(128, "01/2025", 4), "2025-04-01T00:00:00Z")
    pipeline.refresh(settings)
    assert not taken, "the first file’s rows are no longer all in force, and what was left of the months is damaged"

    anew = replace(settings, out=tmp_path / "anew")
    pipeline.refresh(anew)
    assert content(settings) == content(anew)
    read = f"read_parquet('{anew.current}/parquet/marts.outreach.parquet')"
    assert duckdb.sql(f"select count(*) from {read}").fetchone()[0] > 0


def told(settings: Settings) -> list[dict]:
    return ledger.read_json(settings.current / "manifest.json")["deliveries"]


ACTIONS = """
create or replace table sources.partner_events as
select
    'E' || (n % 700) as event_id,
    'P' || (n % 11) as partner_id,
    cast(date '2024-01-01' + interval (n % 400) day as date) as occurred_on,
    ['information_point', 'training', 'mediation', 'orientation', 'nothing_to_report'][1 + n % 5] as action,
    case when n % 7 > 0 then 'CF0' || (n % 4) end as zone_code,
    case when n % 3 > 0 then n % 50 end as people_reached,
    case when n % 4 > 0 then n % 6 end as people_in_difficulty,
    case when n % 5 > 0 then n % 5 end as orientations_offered,
    case when n % 6 > 0 then n % 4 end as orientations_accepted,
    case when n % 7 > 0 then n % 3 end as appointments_kept,
    case when n % 8 > 0 then n % 20 end as people_trained,
    case when n % 9 > 0 then n % 25 end as people_planned,
    case when n % 2 > 0 then 'persons' end as counted_as,
    'd' || (n // 250) as delivery_id,
    cast(n // 250 as integer) as delivery_rank
from range({count}) as t(n)
"""


@pytest.fixture
def con():
    """All that models read, empty, and a log of partners: 700 actions in three deliveries, then 300 of them once more."""
    with duckdb.connect() as con:
        models.create_sources(con, CONTRACTS, {})
        shape = con.execute("describe sources.partner_events").fetchall()
        con.execute("drop view sources.partner_events")
        con.execute(ACTIONS.format(count=1000))
        for name, kind, *_ in shape:
            if name in {row[0] for row in con.execute("describe sources.partner_events").fetchall()}:
                con.execute(f"alter table sources.partner_events alter {name} type {kind}")
            else:
                con.execute(f"alter table sources.partner_events add column {name} {kind}")
        con.execute("attach ':memory:' as release")
        models.create_schemas(con, GRAPH)
        for model in GRAPH.models:
            if model.table.startswith("stg_partners__"):
                models.build_model(con, GRAPH, model)
        yield con


@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.table)
@pytest.mark.parametrize("same", (["d0"], ["d1", "d3"], ["d0", "d1", "d2", "d3"], ["of no delivery"]), ids=len)
def test_rows_of_some_deliveries_from_what_was_kept_make_the_same_table(con, tmp_path, model, same) -> None:
    models.build_model(con, GRAPH, model)
    con.execute(f"create table whole as select * from {model.name}")
    con.execute(f"copy {model.name} to '{tmp_path / 'kept.parquet'}' (format parquet)")
    assert models.build_by_delivery(con, model, tmp_path / "kept.parquet", same)
    for one, other in ((model.name, "whole"), ("whole", model.name)):
        assert con.execute(f"select count(*) from (from {one} except all from {other})").fetchone() == (0,)
    assert con.execute("select count(*) from whole").fetchone()[0] > 10
    # and they do come from there
    con.execute(f"copy (from {model.name} where false) to '{tmp_path / 'none.parquet'}' (format parquet)")
    assert models.build_by_delivery(con, model, tmp_path / "none.parquet", same)
    listed = ", ".join(f"'{name}'" for name in same)
    assert con.execute(f"select count(*) from {model.name} where delivery_id in ({listed})").fetchone() == (0,)


@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.table)
def test_another_type_is_not_taken(con, tmp_path, model) -> None:
    """Parquet has no hugeint: a sum that was not cast would come back as a double."""
    models.build_model(con, GRAPH, model)
    con.execute(
        f"copy (select * replace (cast(month_on as varchar) as month_on) from {model.name}) "
        f"to '{tmp_path / 'kept.parquet'}' (format parquet)"
    )
    assert not models.build_by_delivery(con, model, tmp_path / "kept.parquet", ["d0"])


def test_it_is_for_tables_below_the_published_ones_that_know_their_delivery(tmp_path) -> None:
    shutil.copytree(SQL, tmp_path / "sql")
    path = tmp_path / "sql" / "2_intermediate" / "int_partner_actions_by_month.yml"
    path.write_text(path.read_text(encoding="utf-8") + "by_delivery: true\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"int_partner_actions_by_month\.yml: by_delivery is for a query below"):
        models.load_graph(tmp_path / "sql", CONTRACTS)
