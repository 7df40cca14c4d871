"""Suites, checkpoints and results of a release, read by Great Expectations itself: its own JSON, counts only."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from pathlib import Path

import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.core.validation import _context, _import
from flows.settings import PROJECT

RERUN = ("marts.indicators", "marts.claims", "marts.wave_comparisons", "audit.corrections")
"""Small tables; one of them has an expectation that fails on the sample."""


@pytest.fixture(scope="module")
def folder(sample_run) -> Path:
    return sample_run[1].release / "validation"


@pytest.fixture(scope="module")
def gx():
    return _import()


def content(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def numbered(value: object) -> object:
    """The same content with every number as a float: the library turns a limit of 0 into 0.0."""
    if isinstance(value, dict):
        return {key: numbered(part) for key, part in value.items()}
    if isinstance(value, list):
        return [numbered(part) for part in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_every_contract_and_published_table_has_its_suite(folder) -> None:
    contracts = load_contracts(PROJECT / "sql" / "0_sources")
    graph = models.load_graph(PROJECT / "sql", contracts)
    wanted = {f"deliveries.{name}" for name in contracts} | {m.name for m in graph.models if m.is_published}
    assert {path.name.removesuffix(".json") for path in (folder / "expectations").iterdir()} == wanted


def test_great_expectations_loads_every_suite_and_writes_it_the_same(folder, gx) -> None:
    for path in (folder / "expectations").iterdir():
        written = content(path)
        suite = gx.ExpectationSuite(**written)
        assert numbered(suite.to_json_dict()) == numbered(written), path.name
        for expectation in suite.expectations:
            assert len(expectation.notes) == 2
            assert expectation.meta["title_fr"] in expectation.notes[0] and expectation.meta["reason"][:2] == "20"
            assert expectation.meta["remedy_en"] in expectation.notes[1]


def test_great_expectations_loads_every_result(folder, gx) -> None:
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema

    results = [*(folder / "results" / "deliveries").iterdir(), *(folder / "results" / "tables").iterdir()]
    assert len(results) > 50
    for path in results:
        written = content(path)
        result = expectationSuiteValidationResultSchema.load(written)
        again = result.to_json_dict()
        assert again["statistics"] == written["statistics"] and again["suite_name"] == written["suite_name"]
        assert [r["result"] for r in again["results"]] == [r["result"] for r in written["results"]]
        assert all(uuid.UUID(r["expectation_config"]["id"]) for r in written["results"])


def test_results_and_audit_checks_tell_the_same(folder, release) -> None:
    rows = release.execute(
        "select subject, expectation_id, verdict, checked_rows, failed_rows from audit.checks order by all"
    ).fetchall()
    told = [
        (path.stem, r["expectation_config"]["meta"]["id"], *(r["meta"][n] for n in ("verdict", "checked_rows", "failed_rows")))
        for path in [*(folder / "results").rglob("*.json")]
        for r in content(path)["results"]
        if path.stem not in ("audit.checks",)  # it cannot hold the checks of itself
    ]  # fmt: skip
    known = {row[0] for row in rows}
    assert sorted(row for row in told if row[0] in known) == rows


def test_what_failed_is_told_in_the_librarys_own_counts(folder) -> None:
    failed = [
        (r["meta"]["failed_rows"], r["result"])
        for path in (folder / "results").rglob("*.json")
        for r in content(path)["results"]
        if not r["success"]
    ]
    assert len(failed) > 20
    for rows, result in failed:
        assert rows in (result.get("unexpected_count"), result.get("observed_value"))


def test_results_hold_numbers_and_nothing_else(folder) -> None:
    for path in (folder / "results").rglob("*.json"):
        for result in content(path)["results"]:
            assert result["result"].pop("partial_unexpected_list", []) == []
            assert all(isinstance(value, int | float) for value in result["result"].values())
            assert result["exception_info"]["exception_traceback"] is None


def test_the_checkpoint_of_the_tables_can_be_run_again_by_anybody(folder, gx, sample_run, tmp_path) -> None:
    """Suites and definitions as published, the library as installed, the published database: the same results."""
    _, outcome = sample_run
    published = content(folder / "checkpoints" / "tables.json")
    definitions = content(folder / "validation_definitions.json")
    assert [d["name"] for d in published["validation_definitions"]] == [n for n in definitions if "." in n]
    database = tmp_path / "campaign.duckdb"
    shutil.copyfile(outcome.release / "campaign.duckdb", database)
    context = _context(gx)
    source = context.data_sources.add_sql(name=f"campaign_{uuid.uuid4()}", connection_string=f"duckdb:///{database}")
    made = []
    for name in RERUN:
        definition = definitions[name]
        schema, _, table = definition["data"]["asset"]["name"].partition(".")
        asset = source.add_table_asset(name, table_name=table, schema_name=schema)
        batch = asset.add_batch_definition_whole_table(definition["data"]["batch_definition"]["name"])
        suite = context.suites.add(gx.ExpectationSuite(**content(folder / "expectations" / f"{name}.json")))
        one = gx.ValidationDefinition(name=name, data=batch, suite=suite, id=None)
        made.append(context.validation_definitions.add(one))
    checkpoint = gx.Checkpoint(
        name=f"{published['name']}_{uuid.uuid4()}",
        validation_definitions=made,
        result_format=published["result_format"],
    )
    outcome = context.checkpoints.add(checkpoint).run()
    source.get_execution_engine().close()
    again = {
        r.suite_name: {e.expectation_config.meta["id"]: e for e in r.results} for r in outcome.run_results.values()
    }
    for name in RERUN:
        for told in content(folder / "results" / "tables" / f"{name}.json")["results"]:
            mine = again[name][told["expectation_config"]["meta"]["id"]]
            assert mine.success == told["success"], (name, told["expectation_config"]["meta"]["id"])
            if not told["success"]:
                assert told["meta"]["failed_rows"] in (
                    mine.result.get("observed_value"),
                    mine.result.get("unexpected_count"),
                )
    assert not outcome.success


def test_a_checkpoint_tells_how_each_of_its_definitions_ended(folder, sample_run) -> None:
    _, outcome = sample_run
    for family in ("deliveries", "tables"):
        asked, told = (
            content(folder / f"checkpoints/{family}.json"),
            content(folder / f"checkpoints/{family}.result.json"),
        )
        assert [d["name"] for d in asked["validation_definitions"]] == [r["name"] for r in told["validation_results"]]
        assert told["run_id"]["run_name"] == outcome.run_id
        for one in told["validation_results"]:
            whole = content(folder / one["result"])
            assert (one["success"], one["statistics"]) == (whole["success"], whole["statistics"])
            assert whole["meta"]["run_id"] == told["run_id"]


# -- what is not read again, and what is built elsewhere ---------------------------------------------------------------


def files(release: Path) -> dict[str, bytes]:
    folder = release / "validation"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_told_depends_on_files_and_code_alone(two_runs) -> None:
    """Deliveries that were not read again and tables that were carried over have the results that a fresh run gives them."""
    _, two, elsewhere = two_runs
    second, fresh = files(two), files(elsewhere)
    assert set(second) == set(fresh)
    differing = {name for name in second if told(name, second[name]) != told(name, fresh[name])}
    compared = {name for name, file in second.items() if re.search(rb'previous_|class="tag">\s*(connu|nouveau)', file)}
    of_releases = {name for name in second if "audit.release" in name or name.startswith("checkpoints/")}
    assert differing - compared - of_releases - {"index.html"} == set()
    assert len(second) - len(compared | of_releases) > 40


SPEAKS_OF_BEFORE = ("known_since", "failed_rows_before", "compared_with", "not_compared")


def told(name: str, file: bytes) -> object:
    """Without what is said of the release before: a fresh run has none."""
    if name.endswith(".json"):
        return json.loads(file, object_hook=lambda found: {k: v for k, v in found.items() if k not in SPEAKS_OF_BEFORE})
    return file


def test_a_delivery_that_is_not_read_again_keeps_its_result(two_runs) -> None:
    one, two, _ = two_runs
    (path,) = (one / "validation" / "results" / "deliveries").iterdir()
    before, after = content(path), content(two / "validation" / "results" / "deliveries" / path.name)
    for result in after["results"]:
        result["meta"].pop("known_since", None)
    assert before["results"] == after["results"] and before["results"][0]["result"]
    assert len(list((two / "validation" / "results" / "deliveries").iterdir())) == 2
