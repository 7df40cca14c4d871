"""Retention: what is due goes, the rest stays; tables and releases stay as they are, also when killed half-way."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import pytest

from flows.core import landing, pipeline, retention, steps, verifying
from flows.core.contracts import _expect_retention
from flows.core.errors import StorageProblem
from flows.settings import PROJECT, Settings

DAY = date(2026, 11, 23)
OLD, NEW = "2025-06-01T12:00:00Z", "2026-11-01T12:00:00Z"
HEADER = "id;submitdate;lastpage;startlanguage;seed;SEXE;AGE;ZONE;HONTE_AIDE\n"


def wave(first: int) -> str:
    """Nine respondents, one of them with a day of sending that no survey has: set aside."""
    days = ["2026-09-10"] * 8 + ["2013-01-01"]
    return HEADER + "".join(f"{first + n};{day} 10:00:00;4;fr;1;F;A1;HORS;2\n" for n, day in enumerate(days))


def put(settings: Settings, name: str, text: str, received_at: str) -> None:
    path = settings.raw / name
    path.write_text(text, encoding="utf-8")
    receipt = landing.new_receipt(path, landing.sha256_of(path), received_at, None)
    landing.write_receipt(path.with_name(path.name + landing.RECEIPT_ENDING), replace(receipt, wave_code="2026-09"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Settings:
    """An old wave, a new one and an old file of a contract that keeps for ever, run once. Not to be changed."""
    folder = tmp_path_factory.mktemp("prune")
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    settings.raw.mkdir()
    put(settings, "old.csv", wave(1), OLD)
    put(settings, "new.csv", wave(101), NEW)
    zones = next((PROJECT / "data/raw").rglob("zones.csv")).read_text(encoding="utf-8-sig")
    put(settings, "zones.csv", zones, OLD)
    pipeline.refresh(settings)
    return settings


@pytest.fixture
def town(built, tmp_path) -> Settings:
    for name in ("raw", "out"):
        shutil.copytree(getattr(built, name), tmp_path / name, symlinks=True, copy_function=shutil.copy2)
    return Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()


def names(things) -> set[tuple[str, str]]:
    return {(thing.shown_name, thing.what) for thing in things}


def tables(settings: Settings) -> dict[str, str]:
    manifest = json.loads((settings.current / "manifest.json").read_text())
    about_runs = {"audit.deliveries", "audit.freshness"}
    return {
        n: t["content_fingerprint"] for n, t in manifest["tables"].items() if not t["history"] and n not in about_runs
    }


def differing(settings: Settings, release) -> list:
    return verifying.verify(settings, release, settings.raw, lambda *_: None, lambda *_: None).differing


BOTH = {("old.csv", retention.RAW), ("old.csv", retention.QUARANTINE)}


def test_what_is_due_goes_and_all_else_stays(town) -> None:
    things = retention.due(town, DAY)
    assert names(things) == BOTH and not [t for t in things if t.kept_because]
    quarantined = sorted(path.name for path in town.quarantine.iterdir())
    assert names(retention.prune(town, things, DAY)) == BOTH
    assert sorted(p.name for p in town.raw.glob("*.csv")) == ["new.csv", "zones.csv"]
    assert len(list(town.quarantine.iterdir())) == len(quarantined) - 1 == 1
    receipt = landing.read_receipt(town.raw / "old.csv.receipt.json")
    assert (receipt.pruned_on, receipt.received_at, receipt.wave_code) == ("2026-11-23", OLD, "2026-09")
    record = json.loads(retention.record_path(town).read_text())["pruned"]
    assert {(e["sha256"], e["what"], e["contract"]) for e in record} == {
        (receipt.sha256, what, "survey_answers") for what in (retention.RAW, retention.QUARANTINE)
    }
    assert all(e["pruned_by"] and e["pruned_on"] == "2026-11-23" for e in record)
    assert retention.due(town, DAY) == [], "twice in a row there is nothing left to do"


@pytest.mark.parametrize(("days", "what"), [(180, set()), (181, {retention.QUARANTINE}), (400, {retention.QUARANTINE}),
                                            (401, {retention.QUARANTINE, retention.RAW})])  # fmt: skip
def test_the_day_counts_from_the_receipt(built, days, what) -> None:
    day = date(2025, 6, 1) + timedelta(days=days)
    assert {t.what for t in retention.due(built, day)} == what


def test_a_release_stays_whole_and_the_next_run_gives_the_same_tables(town) -> None:
    before, first = tables(town), town.current.resolve()
    retention.prune(town, retention.due(town, DAY), DAY)
    assert differing(town, first) == []
    outcome = pipeline.refresh(town)
    line = next(line for line in outcome.deliveries if line.file_name == "old.csv")
    assert (line.verdict, line.rows_accepted, line.is_withdrawn) == ("warned", 32, True)
    assert tables(town) == before
    assert differing(town, first) == differing(town, town.current.resolve()) == []


def test_killed_half_way_it_goes_on_from_there(town, monkeypatch) -> None:
    from pathlib import Path

    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise OSError(5, "killed")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", unlink)
        with pytest.raises(StorageProblem):
            retention.prune(town, retention.due(town, DAY), DAY)
    assert (town.raw / "old.csv").is_file()
    assert names(retention.prune(town, retention.due(town, DAY), DAY)) == BOTH
    assert not (town.raw / "old.csv").exists()
    assert len(json.loads(retention.record_path(town).read_text())["pruned"]) == 2, "each removal is recorded once"


def test_nothing_goes_whose_accepted_rows_are_not_safe(town) -> None:
    for path in town.staged.glob("survey_answers/*"):
        path.unlink()
    held = {thing.shown_name for thing in retention.due(town, DAY) if thing.kept_because}
    assert held == {"old.csv"}
    assert names(retention.prune(town, retention.due(town, DAY), DAY)) == {("old.csv", retention.QUARANTINE)}
    assert (town.raw / "old.csv").is_file()


def test_a_file_that_was_replaced_a_moment_ago_stays(town) -> None:
    things = retention.due(town, DAY)
    (town.raw / "old.csv").write_text("another")
    assert (("old.csv", retention.RAW)) not in names(retention.prune(town, things, DAY))
    assert (town.raw / "old.csv").read_text() == "another"


def test_a_changed_contract_cannot_read_it_again_and_says_so(town, tmp_path) -> None:
    retention.prune(town, retention.due(town, DAY), DAY)
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    contract = tmp_path / "sql/0_sources/survey_answers.yml"
    contract.write_text(contract.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    changed = replace(town, sql=tmp_path / "sql")
    run = steps.land(changed, steps.Progress())
    delivery = next(d for d in run.deliveries if d.path is None)
    verdict = steps.admit(changed, run, delivery, steps.Progress())
    assert (verdict.verdict, verdict.rows_accepted) == ("warned", 32)
    assert any("removed on 2026-11-23" in n and f"version {verdict.contract_version}" in n for n in verdict.notes)


def test_the_command_shows_then_removes_and_says_what_it_means(town, barometer) -> None:
    options = ("--raw", town.raw, "--out", town.out, "--as-of", DAY)
    shown = barometer("prune", *options, "--dry-run")
    assert shown.returncode == 0 and "old.csv" in shown.stdout and "Nothing was removed." in shown.stdout
    assert (town.raw / "old.csv").is_file()
    done = barometer("prune", *options)
    assert done.returncode == 0 and "Removed: 2 of 2" in done.stdout and not (town.raw / "old.csv").exists()
    again = barometer("prune", *options)
    assert again.returncode == 0 and "Nothing is due" in again.stdout
    ahead = barometer("prune", "--raw", town.raw, "--out", town.out, "--as-of", "2099-01-01")
    assert ahead.returncode == 3 and "--dry-run" in ahead.stderr and (town.raw / "new.csv").is_file()


@pytest.mark.parametrize(
    "spec",
    [
        {"keep_raw_days": 0, "reason": "2026-11: x"},
        {"keep_raw_days": 30},
        {"keep_raw_day": 30, "reason": "2026-11: x"},
        {"keep_raw_days": "30", "reason": "2026-11: x"},
    ],
)
def test_a_slip_in_a_contract_is_no_retention(spec) -> None:
    with pytest.raises(ValueError, match="retention"):
        _expect_retention(spec)
