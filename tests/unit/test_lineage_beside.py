"""Lineage that is traced beside the run: the same files, and no process that outlives the run."""

from __future__ import annotations

import os
import shutil

import pytest

from flows.core import beside, lineage, models, processors
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

SQL = PROJECT / "sql"


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """On any machine, and as in a process that has traced nothing yet and begun nothing."""
    beside.stop()
    monkeypatch.setattr(processors, "available", lambda: 2)
    monkeypatch.setattr(lineage, "_TRACED", {})
    yield
    beside.stop()


def test_the_process_leaves_what_the_run_then_finds(tmp_path, monkeypatch) -> None:
    beside.start(SQL, tmp_path / "kept")
    assert beside._running is not None
    beside.wait()
    assert beside._running is None
    monkeypatch.setattr(lineage, "trace", lambda *_: pytest.fail("it was there"))
    contracts = load_contracts(SQL / "0_sources")
    files = lineage.files(models.load_graph(SQL, contracts), contracts, tmp_path / "kept")
    assert set(files) == set(lineage.TABLES)
    assert sorted((tmp_path / "kept").iterdir()) == sorted(files.values())


def test_a_process_that_fails_is_no_error_of_the_run(tmp_path) -> None:
    shutil.copytree(SQL, tmp_path / "sql")
    (tmp_path / "sql" / "3_marts" / "zones.sql").write_text("select", encoding="utf-8")
    beside.start(tmp_path / "sql", tmp_path / "kept")
    beside.wait()
    assert not (tmp_path / "kept").exists()


def test_a_run_that_ends_early_ends_the_process_too(tmp_path) -> None:
    beside.start(SQL, tmp_path / "kept")
    pid = beside._running.pid
    os.kill(pid, 0)
    beside.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert beside._running is None


@pytest.mark.parametrize("reason", ["one processor", "traced already"])
def test_no_process_is_started_where_it_would_gain_nothing(tmp_path, monkeypatch, reason) -> None:
    if reason == "one processor":
        monkeypatch.setattr(processors, "available", lambda: 1)
    else:
        monkeypatch.setattr(lineage, "_TRACED", {"a version": None})
    beside.start(SQL, tmp_path / "kept")
    assert beside._running is None
