"""The same files and the same code give the same tables: with one thread or two, from nothing or from what was kept, today
and with `--as-of`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date

import pytest

from flows.core import pipeline
from flows.settings import Settings


@pytest.fixture(scope="module")
def earlier(sample_run) -> date:
    """A day on which half of the deliveries were known."""
    received = sorted(entry["received_at"] for entry in manifest(sample_run[0])["deliveries"])
    return date.fromisoformat(received[len(received) // 2][:10])


def manifest(settings: Settings) -> dict:
    return json.loads((settings.current / "manifest.json").read_text())


def content(settings: Settings) -> dict[str, tuple]:
    """Of each table: rows, fingerprint, and the Parquet file's hash where no column speaks of earlier releases."""
    return {
        name: (table["rows"], table["content_fingerprint"], None if table["history"] else table["content_sha256"])
        for name, table in manifest(settings)["tables"].items()
        if table["content_fingerprint"] is not None
    }


def differing(one: Settings, other: Settings) -> set[str]:
    first, second = content(one), content(other)
    return {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}


WORKED_OUT = ("kept", "staged", "verdicts")
"""Folders of what may be made again from the deliveries; what earlier releases showed may not, and decides what is hidden."""


def test_the_same_tables_whichever_way_they_came_about(sample_run, earlier, tmp_path) -> None:
    two_threads, _ = sample_run
    one_thread = replace(two_threads, out=tmp_path / "one", threads=1)
    assert two_threads.threads > 1 and len(content(two_threads)) >= 30

    pipeline.refresh(one_thread)
    assert differing(one_thread, two_threads) == set(), "today: one thread and two, from nothing"

    for folder in WORKED_OUT:
        shutil.rmtree(one_thread.out / folder)
    pipeline.refresh(replace(one_thread, as_of=earlier))
    assert differing(one_thread, two_threads), "half of the deliveries make other tables"
    kept = replace(two_threads, out=tmp_path / "then")
    shutil.copytree(two_threads.out, kept.out, symlinks=True)
    pipeline.refresh(replace(kept, as_of=earlier))
    assert differing(one_thread, kept) == set(), "as of a day: one thread from nothing, two from what was kept"

    outcome = pipeline.refresh(one_thread)
    assert outcome.reused_tables and outcome.built_tables
    for folder in WORKED_OUT:
        shutil.rmtree(kept.out / folder)
    pipeline.refresh(kept)
    assert differing(one_thread, kept) == set(), "today again: one thread in steps, two from nothing"


def test_only_what_speaks_of_earlier_releases_has_no_fingerprint(sample_run) -> None:
    tables = manifest(sample_run[0])["tables"]
    without = {name for name, table in tables.items() if table["content_fingerprint"] is None}
    assert without == {"audit.releases", "audit.release_checks"}
    assert all(table["history"] for name, table in tables.items() if name in without)
