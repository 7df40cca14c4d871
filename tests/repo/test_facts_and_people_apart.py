"""The facts of état 4001 and the people implicated of the SSMSI are unlike things: no model has both behind it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

SQL = PROJECT / "sql"
CONTRACTS = load_contracts(SQL / "0_sources")
GRAPH = models.load_graph(SQL, CONTRACTS)

FACTS = {"sources.etat_4001_services"}
PEOPLE = {"sources.ssmsi_communal", "sources.ssmsi_departemental", "sources.ssmsi_regional"}


def behind(graph: models.Graph, name: str) -> set[str]:
    """Every table that a model reads, and that those read, down to the deliveries."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        model = graph.by_name.get(waiting.pop())
        new = set(model.reads) - seen if model else set()
        seen |= new
        waiting.extend(new)
    return seen


def mixing(graph: models.Graph) -> set[str]:
    """The models that have facts and people implicated behind them."""
    return {
        model.name for model in graph.models if behind(graph, model.name) & FACTS and behind(graph, model.name) & PEOPLE
    }


def test_no_model_has_facts_and_people_behind_it() -> None:
    assert not mixing(GRAPH)


def test_both_series_reach_a_table_of_their_own() -> None:
    assert behind(GRAPH, "marts.drug_facts_by_service") & (FACTS | PEOPLE) == FACTS
    assert behind(GRAPH, "marts.police_statistics") & (FACTS | PEOPLE) == PEOPLE
    assert {name for name in CONTRACTS if f"sources.{name}" in FACTS | PEOPLE} == {
        name for name, contract in CONTRACTS.items() if "4001" in name or "ssmsi" in name
    }, "a new contract of either series belongs in FACTS or PEOPLE"


@pytest.mark.parametrize(
    "people", ["marts.police_statistics", "staging.stg_police__ssmsi_departemental", "sources.ssmsi_communal"]
)
def test_a_model_that_adds_them_is_found(tmp_path: Path, people: str) -> None:
    shutil.copytree(SQL, tmp_path / "sql")
    folder = tmp_path / "sql" / "2_intermediate"
    (folder / "int_drugs_added.sql").write_text(
        "-- Drugs, whatever is counted.\n-- Grain: year.\n-- Care: wrong.\n"
        f"select year, sum(n) as n from (select year, fact_count as n from marts.drug_facts_by_service"
        f" union all select year, count as n from {people}) group by year"
    )
    (folder / "int_drugs_added.yml").write_text("description: Wrong.\n")
    (folder / "int_drugs_shown.sql").write_text(
        "-- The same.\n-- Grain: year.\n-- Care: wrong.\nselect year, n from intermediate.int_drugs_added"
    )
    (folder / "int_drugs_shown.yml").write_text("description: Wrong.\n")
    graph = models.load_graph(tmp_path / "sql", CONTRACTS)
    assert mixing(graph) == {"intermediate.int_drugs_added", "intermediate.int_drugs_shown"}


def test_the_comments_of_the_tables_say_so() -> None:
    for name, other in (("drug_facts_by_service", "police_statistics"), ("police_statistics", "drug_facts_by_service")):
        text = GRAPH.by_name[f"marts.{name}"].description
        assert all(words in text for words in ("facts", "people implicated", "never added", f"marts.{other}")), text
