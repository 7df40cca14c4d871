"""What becomes of planted faults: the run with them compared with the run without, check by check."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flows.core import landing, pipeline, steps
from flows.core.errors import NotChecked, VerificationFailed
from flows.settings import Settings
from tests.faults.planted import Fault
from tests.faults.sheets import read_sheet, write_sheet

SENT_AT = "2026-11-05T18:00:00Z"
"""The evening of the sample's last day of receipt, so that the day of the run stays what it was."""

WATCHED = ("audit.drift",)
"""Tables whose rows with a warning are shown to a person, beside the checks."""


@dataclass(frozen=True)
class Found:
    """What stands against one delivery or table: `where: expectation` with the number of rows that failed it."""

    deliveries: Mapping[str, Mapping[str, int]]
    tables: Mapping[str, int]
    is_stopped: bool


def write_faulty(fault: Fault, raw: Path) -> str:
    """Put the faulty file where it would lie, with its receipt; returns its delivery_id."""
    good = raw / fault.source
    name = good.name.removesuffix(".gz")
    content = good.read_bytes()
    planted = fault.plant(read_sheet(name, content)) if not fault.is_of_bytes else fault.plant(content)
    faulty = planted if isinstance(planted, bytes) else write_sheet(planted)
    receipt = landing.read_receipt(good.with_name(good.name + landing.RECEIPT_ENDING))
    place = raw / fault.place
    receipt_path = place.with_name(place.name + landing.RECEIPT_ENDING)
    if receipt_path.exists():  # as landing does it: what was received before stays known
        before = landing.read_receipt(receipt_path)
        os.replace(receipt_path, place.with_name(f"{place.name}.{before.sha256[:8]}{landing.RECEIPT_ENDING}"))
        receipt = replace(receipt, wave_code=before.wave_code)
    place.write_bytes(faulty)
    fresh = landing.new_receipt(place, landing.sha256_of(place), SENT_AT)
    kept = ("sender", "wave_code", "is_synthetic", "note")
    landing.write_receipt(receipt_path, replace(fresh, **{name: getattr(receipt, name) for name in kept}))
    return fresh.delivery_id


def run_without(settings: Settings) -> Found:
    """The checks of a release as it stands."""
    import json

    manifest = json.loads((settings.current / "manifest.json").read_text(encoding="utf-8"))
    tables = {}
    for name, table in manifest["tables"].items():
        tables |= _failed(name, table["checks"])
    with _connect(settings.current / "campaign.duckdb") as con:
        tables |= _watched(con)
    return Found(_deliveries(settings), tables, False)


def run_with(faults: Iterable[Fault], sample: Settings, folder: Path) -> tuple[Found, dict[str, str]]:
    """Plant faults in a copy of a built warehouse and run what is new; gives also each fault's delivery."""
    shutil.copytree(sample.raw, folder / "raw")
    shutil.copytree(sample.out, folder / "out", symlinks=True)
    settings = replace(sample, raw=folder / "raw", out=folder / "out").resolved()
    planted = {fault.name: write_faulty(fault, settings.raw) for fault in faults}
    quiet = steps.Progress()
    is_stopped = False
    with steps.alone(settings, quiet):
        run = steps.land(settings, quiet)
        verdicts = [pipeline.directly(steps.admit, settings, run, d, quiet) for d in run.largest_first]
        build = steps.build(settings, run, verdicts, quiet)
        try:
            steps.verify(settings, build, quiet)
        except (VerificationFailed, NotChecked):
            is_stopped = True
        tables = {}
        for name, checks in build.model_checks.items():
            tables |= _failed(name, checks)
        with _connect(build.database) as con:
            tables |= _watched(con)
    return Found(_deliveries(settings), tables, is_stopped), planted


def _connect(database: Path):
    import duckdb

    return duckdb.connect(str(database), read_only=True)


def _failed(where: str, checks: Iterable[Mapping]) -> dict[str, int]:
    return {f"{where}: {c['expectation_id']}": max(c["failed_rows"], 1) for c in checks if c["verdict"] != "passed"}


def _deliveries(settings: Settings) -> dict[str, dict[str, int]]:
    """By delivery: refusals, failed expectations."""
    import json

    found = {}
    for path in sorted((settings.out / "verdicts").glob("*.json")):
        verdict = json.loads(path.read_text(encoding="utf-8"))
        entries = _failed("delivery", verdict["checks"])
        if verdict["refusal"]:
            entries[f"refused: {verdict['refusal']['code']}"] = 1
        found[verdict["delivery_id"]] = entries
    return found


def _watched(con) -> dict[str, int]:
    return {}


def new_against(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """What failed more than before."""
    return {entry: rows for entry, rows in now.items() if rows > before.get(entry, 0)}
