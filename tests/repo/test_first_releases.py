"""Tests share a release only where files, queries and settings are equal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import first_releases
import pytest

from flows.core import landing, pipeline, steps
from flows.settings import Settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    chosen = Settings(raw=tmp_path / "raw", out=tmp_path / "out", sql=tmp_path / "sql").resolved()
    for path, text in {chosen.raw / "police/a.csv": "a\n1\n", chosen.sql / "zones.sql": "select 1\n"}.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return chosen


@pytest.fixture
def made(monkeypatch) -> list[Settings]:
    """The runs that were really made, each leaving what a run leaves: a receipt, a release and the link to it."""
    runs: list[Settings] = []

    def refresh(settings: Settings) -> steps.Outcome:
        runs.append(settings)
        release = settings.releases / f"R{len(runs)}"
        release.mkdir(parents=True)
        settings.current.symlink_to(release.relative_to(settings.out))
        (settings.raw / f"police/a.csv{landing.RECEIPT_ENDING}").write_text("completed")
        return steps.Outcome(release, False, (), "run")

    monkeypatch.setattr(pipeline, "refresh", refresh)
    return runs


@pytest.fixture
def once(tmp_path):
    """As `shared_by_all`, for one test."""
    kept: dict[str, object] = {}

    def share(name: str, make) -> object:
        if name not in kept:
            (tmp_path / name).mkdir()
            kept[name] = make(tmp_path / name)
        return kept[name]

    return share


def without_receipt(settings: Settings) -> Path:
    """The folder as it was before a run."""
    receipt = settings.raw / f"police/a.csv{landing.RECEIPT_ENDING}"
    receipt.unlink()
    return receipt


def test_equal_files_are_released_once_and_each_test_has_a_copy(settings, made, once, tmp_path) -> None:
    first = first_releases.first_release(settings, once)
    receipt = without_receipt(settings)
    again = replace(settings, out=tmp_path / "again")
    second = first_releases.first_release(again, once)
    assert len(made) == 1 and made[0].raw != settings.raw
    assert (first.release, second.release) == (settings.releases / "R1", again.releases / "R1")
    assert again.current.resolve() == second.release and second.release.is_dir()
    assert receipt.read_text() == "completed"


@pytest.mark.parametrize(
    "change",
    [
        lambda s: (s.raw / "police/a.csv").write_text("a\n2\n"),
        lambda s: (s.raw / "police/a.csv").rename(s.raw / "police/b.csv"),
        lambda s: (s.raw / f"police/a.csv{landing.RECEIPT_ENDING}").write_text("another day"),
        lambda s: (s.sql / "zones.sql").write_text("select 2\n"),
        lambda s: replace(s, as_of=date(2025, 1, 1)),
        lambda s: replace(s, max_quarantined_share=0.1),
    ],
    ids=["content", "name", "receipt", "query", "day", "limit"],
)
def test_what_differs_is_released_anew(change, settings, made, once, tmp_path) -> None:
    first_releases.first_release(settings, once)
    without_receipt(settings)
    changed = change(settings)
    other = changed if isinstance(changed, Settings) else settings
    first_releases.first_release(replace(other, out=tmp_path / "other"), once)
    assert len(made) == 2


def test_a_warehouse_that_is_there_is_no_empty_place(settings, made, once) -> None:
    settings.out.mkdir()
    with pytest.raises(AssertionError, match="empty place"):
        first_releases.first_release(settings, once)
