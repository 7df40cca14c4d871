"""What becomes of planted faults: what is found with them beside what is found without, each by its expectation."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from flows.core import building, landing, ledger, models, publishing, steps
from flows.core.contracts import load_contracts
from flows.core.errors import NotChecked, VerificationFailed
from flows.settings import Settings
from tests.faults.planted import FAULTS, GOOD, Fault
from tests.faults.sheets import read_sheet, write_sheet

SENT_AT = "2026-11-05T18:00:00Z"
"""The evening of the sample's last day of receipt, so that the day of the run stays what it was."""

DRIFT = "audit.drift"
QUIET = steps.Progress()

Entries = Mapping[str, int]
"""What stands against something: `where: expectation`, and how many rows failed it."""


@dataclass(frozen=True)
class Found:
    """What is found by delivery and by table; `is_stopped` when it kept the release from being published."""

    deliveries: Mapping[str, Entries]
    tables: Entries
    is_stopped: bool = False


@dataclass(frozen=True)
class Round:
    """Faults of different contracts, planted together, with what is found that the good deliveries do not have."""

    names: tuple[str, ...]
    of_fault: Mapping[str, Entries]
    of_tables: Entries
    is_stopped: bool


def write_faulty(fault: Fault, good: Path, raw: Path) -> str:
    """Put the faulty file where it would lie, with its receipt; returns its delivery_id. `good` is the good file."""
    content = good.read_bytes()
    planted = fault.plant(content) if fault.is_of_bytes else fault.plant(read_sheet(good.name, content))
    faulty = planted if isinstance(planted, bytes) else write_sheet(planted)
    place = raw / fault.place
    receipt_path = _receipt_of(place)
    kept = landing.read_receipt(_receipt_of(good))
    if receipt_path.exists():
        before = landing.read_receipt(receipt_path)
        kept = replace(kept, wave_code=before.wave_code)
        if fault.is_first:
            receipt_path.unlink()
        else:  # as landing does it: what was received before stays known
            os.replace(receipt_path, place.with_name(f"{place.name}.{before.sha256[:8]}{landing.RECEIPT_ENDING}"))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(faulty)
    fresh = landing.new_receipt(place, landing.sha256_of(place), SENT_AT)
    names = ("sender", "wave_code", "is_synthetic", "note")
    landing.write_receipt(receipt_path, replace(fresh, **{name: getattr(kept, name) for name in names}))
    return fresh.delivery_id


def _receipt_of(path: Path) -> Path:
    return path.with_name(path.name + landing.RECEIPT_ENDING)


def without_faults(settings: Settings) -> Found:
    """What is found in a release as it stands."""
    manifest = json.loads((settings.current / "manifest.json").read_text(encoding="utf-8"))
    tables: dict[str, int] = {}
    for name, table in manifest["tables"].items():
        tables |= _failed(name, table["checks"])
    return Found(_of_deliveries(settings, settings.current / "campaign.duckdb"), tables)


@dataclass(frozen=True)
class Job:
    """Faults to plant, by name, and how far to run them: to the tables named, to all (None), or (`is_admission`) not at all."""

    names: tuple[str, ...]
    tables: tuple[str, ...] | None = ()
    is_admission: bool = False


def results_of(jobs: Iterable[Job], sample: Settings, folder: Path) -> Iterator[tuple[Job, Round]]:
    """The jobs' results as they come, made by two processes side by side: each job has files of its own."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    jobs = tuple(jobs)
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), get_context("spawn")) as pool:
        running = {pool.submit(_do, job, sample, folder / f"job-{i}"): job for i, job in enumerate(jobs)}
        for done in as_completed(running):
            yield running[done], done.result()


def _do(job: Job, sample: Settings, folder: Path) -> Round:
    by_name = {fault.name: fault for fault in (*FAULTS, *GOOD)}
    faults = tuple(by_name[name] for name in job.names)
    good = without_faults(sample)
    try:
        if job.is_admission:
            return admitted_alone(faults, sample, good, folder)
        return planted_together(faults, sample, good, folder, job.tables)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def admitted_alone(faults: tuple[Fault, ...], sample: Settings, good: Found, folder: Path) -> Round:
    """What admission finds in each faulty file, looked at by itself: enough for what a contract's expectations catch."""
    from flows.core import admission

    settings = replace(sample, raw=folder / "raw", out=folder / "out").resolved()
    contracts = load_contracts(settings.sql / "0_sources")
    found = {}
    for fault in faults:
        raw = settings.raw / fault.name
        write_faulty(fault, sample.raw / fault.source, raw)
        (delivery,) = landing.land_all(raw, settings.out / "raw_index.json")
        entries = _of_verdict(asdict(admission.admit(delivery, contracts, steps.room(settings))))
        found[fault.name] = new_against(entries, good.deliveries.get(_good_id(fault, sample), {}))
    return Round(tuple(fault.name for fault in faults), found, {}, False)


def planted_together(
    faults: tuple[Fault, ...], sample: Settings, good: Found, folder: Path, tables: Iterable[str] | None
) -> Round:
    """Plant faults in a copy of a built warehouse and run what is new, as far as those tables need it (None: all).

    Faults whose good file was never received are not mixed with others: for them there is no release before either.
    """
    (is_first,) = {fault.is_first for fault in faults}
    shutil.copytree(sample.raw, folder / "raw")
    shutil.copytree(sample.out, folder / "out", symlinks=True)
    settings = replace(sample, raw=folder / "raw", out=folder / "out").resolved()
    if is_first:
        settings.current.unlink()
    planted = {fault.name: write_faulty(fault, sample.raw / fault.source, settings.raw) for fault in faults}
    is_stopped = False
    with steps.alone(settings, QUIET):
        run = steps.land(settings, QUIET)
        verdicts = [steps.admit(settings, run, delivery, QUIET) for delivery in run.largest_first]
        build = _built(settings, run, verdicts, tables)
        try:
            _verify(settings, build, tables)
        except (VerificationFailed, NotChecked):
            is_stopped = True
        of_tables: dict[str, int] = {}
        for name, checks in build.model_checks.items():
            of_tables |= _failed(name, checks)
        building.finish(build)
        building.close(build)
        of_deliveries = _of_deliveries(settings, build.database)
    of_fault = {
        fault.name: new_against(
            of_deliveries.get(planted[fault.name], {}), good.deliveries.get(_good_id(fault, sample), {})
        )
        for fault in faults
    }
    return Round(tuple(planted), of_fault, new_against(of_tables, good.tables), is_stopped)


def _built(settings: Settings, run: steps.Run, verdicts: list, tables: Iterable[str] | None) -> building.Build:
    contracts = load_contracts(settings.sql / "0_sources")
    rows = ledger.judged(list(run.deliveries), {v.delivery_id: v for v in verdicts}, contracts)
    shop = steps._workshop(settings)
    previous = publishing.current_release(settings.current)
    build = building.start(rows, contracts, shop, run.run_id, run.as_of, run.code_version, previous)
    if tables is not None:
        wanted = _with_what_they_need(build.graph, tables)
        build.graph = replace(build.graph, models=tuple(m for m in build.graph.models if m.name in wanted))
    building.build_tables(build, shop, QUIET.advance)
    return build


def _with_what_they_need(graph: models.Graph, tables: Iterable[str]) -> set[str]:
    """The tables, what they are made of, and the published ones that their expectations name."""
    wanted: set[str] = set()
    waiting = [DRIFT, *tables]
    named = {name for table in tables for names in graph.by_name[table].named.values() for name in names}
    waiting += named
    while waiting:
        name = waiting.pop()
        if name in graph.by_name and name not in wanted:
            wanted.add(name)
            waiting += graph.by_name[name].reads
    return wanted


def _verify(settings: Settings, build: building.Build, tables: Iterable[str] | None) -> None:
    if tables is None:
        steps.verify(settings, build, QUIET)
    else:
        building.verify(build, steps._workshop(settings), set(tables), QUIET.advance)


def _good_id(fault: Fault, sample: Settings) -> str:
    return landing.read_receipt(_receipt_of(sample.raw / fault.source)).delivery_id


def _failed(where: str, checks: Iterable[Mapping]) -> dict[str, int]:
    return {f"{where}: {c['expectation_id']}": max(c["failed_rows"], 1) for c in checks if c["verdict"] != "passed"}


def _of_verdict(verdict: Mapping) -> dict[str, int]:
    entries = _failed("delivery", verdict["checks"])
    if verdict["refusal"]:
        entries[f"refused: {verdict['refusal']['code']}"] = 1
    return entries


def _of_deliveries(settings: Settings, database: Path) -> dict[str, dict[str, int]]:
    """By delivery: refusals, failed expectations, and what audit.drift marks as outside its rule."""
    import duckdb

    found: dict[str, dict[str, int]] = {}
    for path in sorted((settings.out / "verdicts").glob("*.json")):
        verdict = json.loads(path.read_text(encoding="utf-8"))
        found[verdict["delivery_id"]] = _of_verdict(verdict)
    query = f"select delivery_id, measure, count(*) from {DRIFT} where is_outside group by all order by all"
    with duckdb.connect(str(database), read_only=True) as con:
        for delivery_id, measure, items in con.execute(query).fetchall():
            found.setdefault(delivery_id, {})[f"{DRIFT}: {_drift_expectations(settings.sql)[measure]}"] = items
    return found


@lru_cache(maxsize=1)
def _drift_expectations(sql: Path) -> dict[str, str]:
    """The expectation that warns of each measure in audit.drift."""
    import re

    from flows.core.contracts import load_yaml

    spec = load_yaml((sql / "3_marts" / "audit" / "drift.yml").read_text(encoding="utf-8"))
    queries = {e["id"]: e["kwargs"].get("unexpected_rows_query", "") for e in spec["expectations"]}
    return {m: id for id, query in queries.items() for m in re.findall(r"measure = '([a-z_]+)' and is_outside", query)}


def new_against(now: Entries, before: Entries) -> dict[str, int]:
    """What failed in more rows than before."""
    return {entry: rows for entry, rows in now.items() if rows > before.get(entry, 0)}


def in_rounds(faults: Iterable[Fault]) -> Iterator[tuple[Fault, ...]]:
    """Faults side by side that do not touch each other: one of each contract, and no two that one table catches."""
    rounds: list[list[Fault]] = []
    for fault in faults:
        for others in rounds:
            if all(_are_independent(fault, other) for other in others):
                others.append(fault)
                break
        else:
            rounds.append([fault])
    return (tuple(round_) for round_ in rounds)


PLACES = ("zones", "populations", "census_margins", "partner_roster")
"""Contracts by which the other deliveries' rows are placed and weighed: their faults show in others' figures."""


def _are_independent(one: Fault, other: Fault) -> bool:
    if one.contract == other.contract or one.is_first != other.is_first:
        return False
    if not one.caught_by and not other.caught_by:
        return True  # nothing at all may be found of either
    places = [fault.contract in PLACES for fault in (one, other)]
    if any(places) and (not all(places) or (one.tables and other.tables)):
        return False
    return not set(one.tables) & set(other.tables)
