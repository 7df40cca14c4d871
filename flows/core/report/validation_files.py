"""The checks in Great Expectations' own JSON: suites, validation definitions, checkpoints and results, counts only.

Written here rather than by running a `Checkpoint` for each delivery and table: adding suite, validation definition and
checkpoint to a context and keeping them fresh takes 0.04 s of computing each time, more than two seconds on the sample, and a
delivery that is not read again, or a table that is carried over, would have no result at all. The expectations run on the
library's batches all the same (`flows/core/validation.py`); a test loads every file with the library, runs the checkpoint
of the tables on the published database, and finds the same results.

A result's `run_time` is the day that the release speaks of, not the clock: a release is a pure function of files and code.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from flows.core.contracts import Expectation
from flows.core.expectation_texts import Text
from flows.core.report.told import DeliveryTold, Subject, Suite, TableTold, Told
from flows.core.written import as_json

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://www.clermont-ferrand.fr/barometre")
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
ONE_NUMBER = ("expect_table_row_count_to_be_between", "unexpected_rows_expectation")


def write(folder: Path, told: Told) -> None:
    """Write suites, checkpoints and results below the release's `validation` folder."""
    for suite in told.suites:
        _put(folder / "expectations" / f"{suite.name}.json", suite_json(suite))
    families = {"deliveries": _with_checks(told.deliveries), "tables": _with_checks(told.tables)}
    results = {s.name: result_json(s, told) for subjects in families.values() for s in subjects}
    for subjects in families.values():
        for subject in subjects:
            _put(folder / result_path(subject), results[subject.name])
    definitions = {s.name: definition_json(s) for subjects in families.values() for s in subjects}
    _put(folder / "validation_definitions.json", definitions)
    for family, subjects in families.items():
        _put(folder / "checkpoints" / f"{family}.json", checkpoint_json(family, subjects))
        _put(folder / "checkpoints" / f"{family}.result.json", outcome_json(family, subjects, results, told))


def _put(path: Path, content: dict) -> None:
    """Publishing brings the whole folder to the disk at once; file by file it takes a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(content) + "\n", encoding="utf-8")


def _with_checks(subjects: Iterable[Subject]) -> list[Subject]:
    """A delivery that was refused before any expectation was reached has no validation result."""
    return [subject for subject in subjects if subject.suite and subject.checks]


def result_path(subject: Subject) -> str:
    family = "tables" if isinstance(subject, TableTold) else "deliveries"
    return f"results/{family}/{subject.name}.json"


@lru_cache(maxsize=10_000)
def identity(kind: str, *names: str) -> str:
    """An id that is the same in every run, as the library's are not."""
    return str(uuid.uuid5(NAMESPACE, "/".join((kind, *names))))


@lru_cache(maxsize=1)
def library_version() -> str:
    from importlib.metadata import version

    return version("great-expectations")


def suite_json(suite: Suite) -> dict:
    """An expectation suite as the library writes it."""
    return {
        "name": suite.name,
        "id": identity("suite", suite.name),
        "expectations": [expectation_json(suite, expectation) for expectation in suite.expectations],
        "meta": {"great_expectations_version": library_version()},
        "notes": [suite.title_fr, suite.title_en],
    }


def expectation_json(suite: Suite, expectation: Expectation) -> dict:
    """One expectation with its texts: in `notes` to be read, in `meta` by name."""
    text = suite.texts[expectation.id]
    return {
        "type": expectation.expectation,
        "kwargs": {k: list(v) if isinstance(v, tuple) else v for k, v in expectation.kwargs},
        "meta": _meta(expectation.id, expectation.on_failure, expectation.reason) | text.as_dict(),
        "notes": _notes(text),
        "id": identity("expectation", suite.name, expectation.id),
        "severity": expectation.severity,
    }


def _meta(id: str, on_failure: str, reason: str) -> dict[str, str]:
    return {"id": id, "on_failure": on_failure, "reason": reason}


def _notes(text: Text) -> list[str]:
    return [
        f"{text.title_fr}. {text.purpose_fr} {text.remedy_fr}",
        f"{text.title_en}. {text.purpose_en} {text.remedy_en}",
    ]


def result_json(subject: Subject, told: Told) -> dict:
    """An expectation suite's validation result as the library writes it."""
    results = [_one_result(subject, check) for check in subject.checks]
    return {
        "success": all(result["success"] for result in results),
        "results": results,
        "suite_name": subject.suite.name,
        "suite_parameters": {},
        "statistics": _statistics(results),
        "meta": {
            "great_expectations_version": library_version(),
            "run_id": _run_id(told),
            "validation_id": identity("validation_definition", subject.name),
            "checkpoint_id": identity("checkpoint", _family(subject)),
            "not_checked": [c["expectation_id"] for c in subject.checks if c["verdict"] == "not_checked"],
            **_facts(subject),
        },
        "id": identity("result", told.run_id, subject.name),
    }


def _run_id(told: Told) -> dict[str, str]:
    return {"run_name": told.run_id, "run_time": f"{told.as_of}T00:00:00+00:00"}


def _family(subject: Subject) -> str:
    return "tables" if isinstance(subject, TableTold) else "deliveries"


def _facts(subject: Subject) -> dict:
    if not isinstance(subject, DeliveryTold):
        return {"table": subject.name}
    verdict = subject.row.verdict
    return {
        "delivery_id": subject.name,
        "verdict": verdict.verdict,
        "rows_read": verdict.rows_read,
        "rows_accepted": verdict.rows_accepted,
        "rows_quarantined": verdict.rows_quarantined,
    }


def _one_result(subject: Subject, check: dict) -> dict:
    expectation = next((e for e in subject.suite.expectations if e.id == check["expectation_id"]), None)
    if expectation is not None:
        config = expectation_json(subject.suite, expectation)
    else:  # of the contract as it was when the delivery was read; its file is gone, so it is not read again
        meta = _meta(check["expectation_id"], check["on_failure"], check["reason"])
        config = {"type": check["expectation"], "kwargs": {}, "meta": meta, "severity": check["severity"]}
    did_run = check["verdict"] != "not_checked"
    return {
        "success": check["verdict"] == "passed",
        "expectation_config": config,
        "result": _counts(check) if did_run else {},
        "meta": {
            "verdict": check["verdict"],
            "checked_rows": check["checked_rows"],
            "failed_rows": check["failed_rows"],
            **({"known_since": check["known_since"]} if "known_since" in check else {}),
        },
        "exception_info": {
            "raised_exception": not did_run,
            "exception_traceback": None,
            "exception_message": None if did_run else check["problem"],
        },
    }


def _counts(check: dict) -> dict:
    counts = dict(check.get("result", {}))
    return counts if check["expectation"] in ONE_NUMBER else {**counts, "partial_unexpected_list": []}


def _statistics(results: list[dict], what: str = "expectations") -> dict:
    good = sum(result["success"] for result in results)
    return {
        f"evaluated_{what}": len(results),
        f"successful_{what}": good,
        f"unsuccessful_{what}": len(results) - good,
        "success_percent": 100 * good / len(results) if results else None,
    }


def definition_json(subject: Subject) -> dict:
    """A validation definition: which batch is held against which suite."""
    if isinstance(subject, TableTold):
        source, asset, batch = "campaign", subject.name, "whole_table"
    else:
        source, asset, batch = "deliveries", subject.row.verdict.contract, subject.name
    return {
        "name": subject.name,
        "data": {
            "datasource": {"name": source, "id": identity("datasource", source)},
            "asset": {"name": asset, "id": identity("asset", source, asset)},
            "batch_definition": {"name": batch, "id": identity("batch_definition", source, asset, batch)},
        },
        "suite": {"name": subject.suite.name, "id": identity("suite", subject.suite.name)},
        "id": identity("validation_definition", subject.name),
    }


def checkpoint_json(family: str, subjects: Iterable[Subject]) -> dict:
    """A checkpoint as the library writes it: the validation definitions that it runs, and the form of its results."""
    return {
        "name": family,
        "validation_definitions": [
            {"name": subject.name, "id": identity("validation_definition", subject.name)} for subject in subjects
        ],
        "actions": [],
        "result_format": RESULT_FORMAT,
        "id": identity("checkpoint", family),
    }


def outcome_json(family: str, subjects: list[Subject], results: Mapping[str, dict], told: Told) -> dict:
    """How the checkpoint ended: the library's own summary (`CheckpointResult.describe_dict`), with the way to each result."""
    ended = []
    for subject in subjects:
        whole = results[subject.name]
        ended.append(
            {
                "name": subject.name,
                "suite_name": subject.suite.name,
                "success": whole["success"],
                "statistics": whole["statistics"],
                "not_checked": whole["meta"]["not_checked"],
                "result": result_path(subject),
            }
        )
    return {
        "success": all(result["success"] for result in ended),
        "run_id": _run_id(told),
        "checkpoint": {"name": family, "id": identity("checkpoint", family)},
        "statistics": _statistics(ended, "validations"),
        "validation_results": ended,
    }
