"""OpenLineage: a run tells a lineage server, or a file, that it began and how it ended. Counts, never values.

Off without BAROMETER_OPENLINEAGE. What keeps an event from being sent is a warning and never stops a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flows.core import ledger
from flows.core.errors import BarometerError
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.core.building import Build
    from flows.core.steps import Outcome, Run

JOB = "refresh"
FROM_ENVIRONMENT = "client"
SEVERITIES = {"critical": "error", "warning": "warn"}


@dataclass
class Told:
    """What a run has told so far; `complete` tells how it ended well."""

    send: Callable[..., None] | None = None
    problems: list[str] = field(default_factory=list)
    is_ended: bool = False

    def complete(self, outcome: Outcome, build: Build, settings: Settings) -> Outcome:
        """Tell that the run completed; what could not be told is among the warnings of the outcome returned."""
        if self.send is None:
            return outcome
        self.is_ended = True
        self.tell("COMPLETE", lambda: _ended(outcome, build, settings))
        return replace(outcome, warnings=(*outcome.warnings, *self.problems))

    def tell(self, kind: str, contents: Callable[[], Mapping]) -> None:
        """Send one event, or note why it could not be sent."""
        try:
            self.send(kind, **contents())
        except (
            Exception
        ) as error:  # a server that is down, a library that is not there: the figures do not depend on it
            self.problems.append(f"no OpenLineage event {kind} could be sent ({type(error).__name__})")


@contextmanager
def told(settings: Settings, run: Run) -> Iterator[Told]:
    """Tell the beginning of a run, and its failure when it fails. Does nothing when the setting is empty."""
    if not settings.openlineage:
        yield Told()
        return
    lineage = Told()
    try:
        lineage.send = _sender(settings, run)
    except Exception as error:  # as above
        lineage.send = _unable(error)
    lineage.tell("START", dict)
    try:
        yield lineage
    except BaseException as error:
        failure = {"run_facets": _failure(error)}
        if not lineage.is_ended:
            lineage.tell("FAIL", lambda: failure)
        raise


def _unable(error: Exception) -> Callable:
    def send(*_: object, **__: object) -> None:
        raise error

    return send


def _sender(settings: Settings, run: Run) -> Callable[..., None]:
    """A function that sends one event of this run. The run's id follows from its inputs and the moment it began."""
    from openlineage.client.event_v2 import Job, RunEvent, RunState
    from openlineage.client.event_v2 import Run as LineageRun
    from openlineage.client.facet_v2 import documentation_job, job_type_job, processing_engine_run
    from openlineage.client.uuid import generate_static_uuid

    client = _client(settings.openlineage)
    began = datetime.now(UTC)
    run_id = str(generate_static_uuid(began, f"{run.inputs_key} {began.isoformat()} {os.getpid()}".encode()))
    producer = f"urn:campaign-barometer:code:{run.code_version}"
    engine = processing_engine_run.ProcessingEngineRunFacet(
        run.code_version, name="campaign-barometer", producer=producer
    )
    description = "Turn deliveries into a published release: land, admit, build, verify, publish"
    job_facets = {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "BAROMETER", jobType="JOB", producer=producer),
        "documentation": documentation_job.DocumentationJobFacet(description, producer=producer),
    }

    def send(kind: str, inputs: Callable | None = None, outputs: Callable | None = None, run_facets=None) -> None:
        facets = {"processing_engine": engine} | (run_facets(producer) if run_facets else {})
        event = RunEvent(
            eventType=RunState[kind],
            eventTime=datetime.now(UTC).isoformat(timespec="milliseconds"),
            run=LineageRun(run_id, facets),
            job=Job(settings.openlineage_namespace, JOB, job_facets),
            inputs=inputs(producer) if inputs else [],
            outputs=outputs(producer) if outputs else [],
            producer=producer,
        )
        client.emit(event)

    return send


def _client(target: str):
    """The public client: over HTTP, into a file of JSON lines, or as its own OPENLINEAGE_* variables say."""
    import logging

    from openlineage.client import OpenLineageClient

    logging.getLogger("openlineage").setLevel(logging.CRITICAL)
    if target == FROM_ENVIRONMENT:
        return OpenLineageClient()
    if target.startswith(("http://", "https://")):
        from openlineage.client.transport.http import HttpConfig, HttpTransport

        parts = urlsplit(target)
        # a run waits for no server: one try of three seconds an event
        config = {"url": f"{parts.scheme}://{parts.netloc}", "timeout": 3.0, "retry": {"total": 0, "connect": 0}}
        if parts.path.strip("/"):
            config["endpoint"] = parts.path.strip("/")
        if key := os.environ.get("OPENLINEAGE_API_KEY"):
            config["auth"] = {"type": "api_key", "api_key": key}
        return OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict(config)))
    from openlineage.client.transport.file import FileConfig, FileTransport

    path = Path(target.removeprefix("file:")).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return OpenLineageClient(transport=FileTransport(FileConfig(str(path), append=True)))


def _failure(error: BaseException) -> Callable[[str], dict]:
    """Why a run failed: our own message, which carries no value; of any other exception its kind alone."""

    def facets(producer: str) -> dict:
        from openlineage.client.facet_v2 import error_message_run

        text = error.problem if isinstance(error, BarometerError) else type(error).__name__
        return {"errorMessage": error_message_run.ErrorMessageRunFacet(text, "PYTHON", producer=producer)}

    return facets


def _ended(outcome: Outcome, build: Build, settings: Settings) -> dict[str, Callable]:
    folder = outcome.release or outcome.candidate
    manifest = ledger.read_json(folder / "manifest.json")
    namespace = settings.openlineage_namespace
    return {
        "inputs": lambda producer: _inputs(build, settings, namespace, producer),
        "outputs": lambda producer: _outputs(manifest, build, folder, namespace, producer),
    }


def _inputs(build: Build, settings: Settings, namespace: str, producer: str) -> list:
    """The deliveries in force: the contract's columns, the rows, and what became of each expectation."""
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as assertions
    from openlineage.client.facet_v2 import data_quality_metrics_input_dataset as metrics
    from openlineage.client.facet_v2 import dataset_version_dataset as version

    from flows.core.contracts import load_contracts

    contracts = load_contracts(settings.sql / "0_sources")
    found = []
    for row in build.public_rows:  # a lineage server is a place of its own
        if not row.is_in_force:
            continue
        contract, receipt = contracts[row.verdict.contract], row.delivery.receipt
        columns = {e.id: e.arguments().get("column") for e in contract.expectations}
        checks = [_assertion(assertions.Assertion, check, columns) for check in row.verdict.checks]
        counted = metrics.DataQualityMetricsInputDatasetFacet(
            columnMetrics={}, rowCount=row.verdict.rows_read, bytes=receipt.bytes, producer=producer
        )
        facets = {
            "schema": _schema([(c.name, c.type, c.description) for c in contract.staged_columns], producer),
            "version": version.DatasetVersionDatasetFacet(receipt.sha256, producer=producer),
        }
        quality = {"dataQualityMetrics": counted}
        if checks:
            quality["dataQualityAssertions"] = assertions.DataQualityAssertionsDatasetFacet(checks, producer=producer)
        found.append(InputDataset(namespace, f"raw/{row.delivery.shown_name}", facets=facets, inputFacets=quality))
    return found


def _assertion(kind: type, check: Mapping, columns: Mapping[str, str | None]):
    """One expectation's result. One that did not run is no success."""
    failed = (
        " of ".join("some" if n is None else str(n) for n in (check["failed_rows"], check["checked_rows"]))
        + " rows failed"
    )
    return kind(
        assertion=check["expectation"],
        success=check["verdict"] == "passed",
        column=columns.get(check["expectation_id"]),
        severity=SEVERITIES.get(check["severity"], check["severity"]),
        name=check["expectation_id"],
        actual="not_checked" if check["verdict"] == "not_checked" else failed,
    )


def _outputs(manifest: Mapping, build: Build, folder: Path, namespace: str, producer: str) -> list:
    """The published tables: columns with their texts, rows, content fingerprint, and where each column comes from."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset as version
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    lineage = _column_lineage(folder, namespace, producer)
    found = []
    for name, table in sorted(manifest["tables"].items()):
        texts = build.graph.by_name[name].columns
        facets = {"schema": _schema([(c, kind, texts.get(c)) for c, kind in table["columns"].items()], producer)}
        if table["content_fingerprint"] is not None:
            facets["version"] = version.DatasetVersionDatasetFacet(table["content_fingerprint"], producer=producer)
        if name in lineage:
            facets["columnLineage"] = lineage[name]
        size = manifest["files"][f"parquet/{name}.parquet"]["bytes"]
        counted = statistics.OutputStatisticsOutputDatasetFacet(rowCount=table["rows"], size=size, producer=producer)
        found.append(OutputDataset(namespace, name, facets=facets, outputFacets={"outputStatistics": counted}))
    return found


def _schema(columns: list[tuple[str, str, str | None]], producer: str):
    from openlineage.client.facet_v2 import schema_dataset

    fields = [
        schema_dataset.SchemaDatasetFacetFields(name, type=kind, description=text, ordinal_position=number)
        for number, (name, kind, text) in enumerate(columns, 1)
    ]
    return schema_dataset.SchemaDatasetFacet(fields, producer=producer)


def _column_lineage(folder: Path, namespace: str, producer: str) -> dict:
    """What audit.lineage tells of each table's columns, in a release that has it."""
    path = folder / "parquet" / "audit.lineage.parquet"
    if not path.is_file():
        return {}
    import duckdb
    from openlineage.client.facet_v2 import column_lineage_dataset as column_lineage

    names = "table_name, column_name, upstream_table, upstream_column"
    sql = f"select distinct {names} from read_parquet(?) where upstream_column is not null order by all"
    with duckdb.connect() as con:
        rows = con.execute(sql, [str(path)]).fetchall()
    fields: dict[str, dict[str, list]] = {}
    for table, column, upstream, upstream_column in rows:
        source = column_lineage.InputField(namespace, upstream, upstream_column)
        fields.setdefault(table, {}).setdefault(column, []).append(source)
    return {
        table: column_lineage.ColumnLineageDatasetFacet(
            {column: column_lineage.Fields(sources) for column, sources in columns.items()}, producer=producer
        )
        for table, columns in fields.items()
    }
