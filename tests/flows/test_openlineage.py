"""OpenLineage events of a run: complete, as the specification declares them, without a value, and never in the way of a run."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
import threading
import types
import typing
from dataclasses import replace
from enum import Enum
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import attr
import pytest
from openlineage.client import event_v2, generated

from flows.core import pipeline, steps
from flows.core.errors import NotChecked
from flows.settings import PROJECT, Settings

# -- the specification, as the client library declares it ---------------------------------------------------------------


def declared() -> dict[str, type]:
    """Every class that the library generates from the published JSON schemas, by the address of its schema."""
    names = [f"{generated.__name__}.{found.name}" for found in pkgutil.iter_modules(generated.__path__)]
    classes = [thing for name in names for thing in vars(importlib.import_module(name)).values()]
    return {c._get_schema(): c for c in classes if isinstance(c, type) and hasattr(c, "_get_schema")}


DECLARED = declared()


def problems(value: object, kind: object, where: str) -> list[str]:
    """What of a JSON value is not as a generated class (or a type in one) declares it."""
    if isinstance(kind, str):
        raise AssertionError(f"{where}: unresolved {kind}")
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any:
        return []
    if origin in (typing.Union, types.UnionType):
        found = [problems(value, argument, where) for argument in arguments if argument is not type(None)]
        return min(found, key=len)
    if origin is list:
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [p for n, entry in enumerate(value) for p in problems(entry, arguments[0], f"{where}[{n}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        return [p for key, entry in value.items() for p in problems(entry, arguments[1], f"{where}.{key}")]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [] if value in [entry.value for entry in kind] else [f"{where}: {value} is none of {kind.__name__}"]
    if attr.has(kind):
        return object_problems(value, kind, where)
    wanted = (int, float) if kind is float else kind
    return (
        []
        if isinstance(value, wanted) and not (isinstance(value, bool) and kind is not bool)
        else [f"{where}: {value!r}"]
    )


def object_problems(value: object, kind: type, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    if "_schemaURL" in value:
        if value["_schemaURL"] not in DECLARED or not issubclass(DECLARED[value["_schemaURL"]], kind):
            return [f"{where}: {value['_schemaURL']} may not stand there"]
        kind = DECLARED[value["_schemaURL"]]
    attr.resolve_types(kind)
    fields = {field.name: field for field in attr.fields(kind)}
    found = [f"{where} has the unknown {name}" for name in value if name not in fields]
    required = [
        n for n, f in fields.items() if f.default is attr.NOTHING or n in ("producer", "_producer", "_schemaURL")
    ]
    found += [f"{where} lacks {name}" for name in required if name not in value]
    known = [(name, entry) for name, entry in value.items() if name in fields]
    return found + [p for name, entry in known for p in problems(entry, fields[name].type, f"{where}.{name}")]


def event_problems(event: dict) -> list[str]:
    return problems(event, event_v2.RunEvent, "event")


def test_the_check_itself_finds_what_is_wrong() -> None:
    facet = {"_producer": "urn:x", "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json"}
    event = {
        "eventTime": "2026-11-01T00:00:00Z",
        "eventType": "ENDED",
        "producer": "urn:x",
        "schemaURL": "urn:y",
        "run": {"facets": {"errorMessage": facet}},
        "job": {"namespace": "n", "name": 3, "colour": "red"},
    }
    told = "\n".join(event_problems(event))
    assert all(word in told for word in ("ENDED", "lacks runId", "may not stand there", "unknown colour", "job.name"))


FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {
            "_producer": {"type": "string", "format": "uri"},
            "_schemaURL": {"type": "string", "format": "uri"},
        },
    },
}
NAMED = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {
        "namespace": {"type": "string"}, "name": {"type": "string"},
        "facets": FACETS, "inputFacets": FACETS, "outputFacets": FACETS,
    },
}  # fmt: skip
CORE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"type": "string", "format": "uri"},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": NAMED,
        "inputs": {"type": "array", "items": NAMED},
        "outputs": {"type": "array", "items": NAMED},
    },
}
"""What the core of the specification (openlineage.io, spec/2-0-2) asks of a run event, said again as a JSON schema: no package
carries the published file. Facets are held against the classes above, which the publisher generates from its schemas."""


def core_problems(event: dict) -> list[str]:
    from jsonschema import Draft202012Validator, FormatChecker

    return [found.message for found in Draft202012Validator(CORE, format_checker=FormatChecker()).iter_errors(event)]


def test_the_core_schema_finds_what_is_missing() -> None:
    event = {"eventTime": "2026-11-01T00:00:00Z", "eventType": "ENDED", "run": {"runId": "7"}, "job": {"name": "n"}}
    told = "\n".join(core_problems(event))
    assert all(word in told for word in ("'producer'", "'schemaURL'", "ENDED", "'7' is not a 'uuid'", "'namespace'"))


# -- runs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(raw, tmp_path) -> Settings:
    (raw / "police/incidents-2024.csv").open("a", encoding="utf-8").write(
        "INC-4;10/03/2024 21:47;CF01;VALEUR-SECRETE;Oui;R1;Police nationale\n"
    )
    return Settings(raw=raw, out=tmp_path / "out", openlineage=str(tmp_path / "told" / "events.jsonl")).resolved()


def told(settings: Settings) -> list[dict]:
    return [json.loads(line) for line in Path(settings.openlineage).read_text(encoding="utf-8").splitlines()]


def test_a_run_tells_its_beginning_its_end_and_what_it_found(settings) -> None:
    outcome = pipeline.refresh(settings)
    assert pipeline.refresh(settings).is_unchanged
    events = told(settings)
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"], "a run with nothing to do tells nothing"
    assert [problem for event in events for problem in (*event_problems(event), *core_problems(event))] == []
    assert len({UUID(event["run"]["runId"]) for event in events}) == 1
    assert not any("OpenLineage" in warning for warning in outcome.warnings)

    manifest = json.loads((outcome.release / "manifest.json").read_text())
    inputs = {entry["name"]: entry for entry in events[1]["inputs"]}
    assert set(inputs) == {f"raw/{e['file_name']}" for e in manifest["deliveries"] if e["is_in_force"]}
    incidents = inputs["raw/police/incidents-2024.csv"]
    # a lineage server is a place of its own: four incidents are hidden there as well
    assert not {"rowCount", "bytes"} & set(incidents["inputFacets"]["dataQualityMetrics"])
    assertions = {a["name"]: a for a in incidents["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert (assertions["category_known"]["success"], assertions["category_known"]["column"]) == (False, "category")
    assert assertions["category_known"]["actual"] == "some of some rows failed"
    assert "category" in [field["name"] for field in incidents["facets"]["schema"]["fields"]]

    outputs = {entry["name"]: entry for entry in events[1]["outputs"]}
    assert set(outputs) == set(manifest["tables"])
    deliveries = outputs["audit.deliveries"]
    assert deliveries["outputFacets"]["outputStatistics"]["rowCount"] == manifest["tables"]["audit.deliveries"]["rows"]
    assert (
        deliveries["facets"]["version"]["datasetVersion"]
        == manifest["tables"]["audit.deliveries"]["content_fingerprint"]
    )

    text = Path(settings.openlineage).read_text(encoding="utf-8")
    assert not any(secret in text for secret in ("VALEUR-SECRETE", "INC-4", str(settings.raw), str(settings.out)))


def test_column_lineage_is_told_where_the_release_has_it(tmp_path) -> None:
    import duckdb

    from flows.core import openlineage_events

    (tmp_path / "parquet").mkdir()
    assert openlineage_events._column_lineage(tmp_path, "n", "urn:x") == {}
    rows = "('marts.zones', 'name', 'sources.zones', 'zone_name'), ('marts.zones', 'counted', 'sources.zones', null)"
    names = "table_name, column_name, upstream_table, upstream_column"
    duckdb.sql(f"select * from (values {rows}) as t({names})").write_parquet(
        str(tmp_path / "parquet/audit.lineage.parquet")
    )
    facet = openlineage_events._column_lineage(tmp_path, "n", "urn:x")["marts.zones"]
    assert set(facet.fields) == {"name"}
    source = facet.fields["name"].inputFields[0]
    assert (source.namespace, source.name, source.field) == ("n", "sources.zones", "zone_name")


def failing(error: Exception):
    def build(*_: object) -> None:
        raise error

    return build


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NotChecked("critical expectations did not run", ""), "critical expectations did not run"),
        (KeyError("INC-4"), "KeyError"),
    ],
    ids=["an error of ours", "a defect, whose text may hold a value"],
)
def test_a_run_that_fails_tells_why(error, message, settings, monkeypatch) -> None:
    monkeypatch.setattr(steps, "build", failing(error))
    with pytest.raises(type(error)):
        pipeline.refresh(settings)
    events = told(settings)
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    assert [problem for event in events for problem in (*event_problems(event), *core_problems(event))] == []
    assert events[1]["run"]["facets"]["errorMessage"]["message"] == message


class Listener(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, self.headers.get("Authorization"), json.loads(body)))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def server():
    listening = HTTPServer(("127.0.0.1", 0), Listener)
    listening.heard = []
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield listening
    listening.shutdown()
    listening.server_close()


def test_events_go_to_a_server_and_a_server_that_goes_down_stops_no_run(settings, server, monkeypatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "a-key")
    settings = replace(settings, openlineage=f"http://127.0.0.1:{server.server_port}", openlineage_namespace="ville")
    publish = steps.publish

    def down_by_then(*arguments: object) -> object:
        server.shutdown()
        server.server_close()
        return publish(*arguments)

    monkeypatch.setattr(steps, "publish", down_by_then)
    outcome = pipeline.refresh(settings)
    assert [(path, key) for path, key, _ in server.heard] == [("/api/v1/lineage", "Bearer a-key")]
    event = server.heard[0][2]
    assert (event["eventType"], event["job"]["namespace"], event_problems(event)) == ("START", "ville", [])
    assert outcome.release is not None and any("COMPLETE could be sent" in warning for warning in outcome.warnings)


def test_without_the_library_a_run_that_fails_still_says_its_own_error(settings, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openlineage.client.event_v2", None)
    monkeypatch.setattr(steps, "build", failing(NotChecked("its own", "")))
    with pytest.raises(NotChecked, match="its own"):
        pipeline.refresh(settings)
    assert not Path(settings.openlineage).exists()


def test_switched_off_nothing_of_it_is_imported() -> None:
    code = "import sys, flows.core.pipeline; print([m for m in sys.modules if m.startswith('openlineage')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
