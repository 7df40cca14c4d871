"""Retention: how long raw files and quarantined rows are kept, by contract; what is due is removed, and that it was is kept.

A delivery outlives its file: receipt, verdict and accepted rows stay, so the tables stay as they are. What can no longer
be done is to read it again: when its contract or the code changes, its old verdict holds, and the delivery's note says by
which version of the contract it was judged. Therefore no file goes whose accepted rows do not lie in the warehouse, judged
by today's contract and code. A release is never touched.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from flows.core import admission, landing, ledger, steps
from flows.core.contracts import Contract, load_contracts
from flows.core.errors import StorageProblem, printable
from flows.core.landing import Delivery
from flows.settings import Settings

RAW, QUARANTINE = "raw file", "quarantined rows"


@dataclass(frozen=True)
class Due:
    """A thing whose time is over. `kept_because` says why it stays all the same; empty when it goes."""

    delivery: Delivery
    contract: str
    what: str
    kept_days: int
    age_days: int
    paths: tuple[Path, ...]
    bytes: int
    kept_because: str = ""

    @property
    def shown_name(self) -> str:
        return self.delivery.shown_name


def record_path(settings: Settings) -> Path:
    """What was ever removed, by hash: internal, beside the warehouse's other records."""
    return settings.runs / "pruned.json"


def due(settings: Settings, day: date) -> list[Due]:
    """What is due on a day, in order of receipt. Reads the raw folder and the verdicts, writes only receipts of new files."""
    contracts = load_contracts(settings.sql / "0_sources")
    index_path = settings.out / "raw_index.json"
    run = steps.land(replace(settings, as_of=None, publish=False), steps.Progress())
    names = landing.names_by_sha256(settings.raw, index_path)
    found: list[Due] = []
    for delivery in run.deliveries:
        verdict = ledger.read_json(settings.verdicts / f"{delivery.delivery_id}.json") or {}
        contract = contracts.get(verdict.get("contract") or delivery.receipt.contract or "")
        if contract is not None:
            age = (day - delivery.receipt.received_on).days
            found += _raw_due(settings, run, delivery, contract, age, names)
            found += _quarantine_due(settings, delivery, contract, age)
    return found


def _raw_due(settings: Settings, run, delivery: Delivery, contract: Contract, age: int, names: dict) -> list[Due]:
    days = contract.keep_raw_days
    if days is None or age <= days or delivery.path is None:
        return []
    paths = tuple(sorted({delivery.path, *names.get(delivery.receipt.sha256, ())}))
    because = _not_safe(settings, run, delivery)
    return [Due(delivery, contract.name, RAW, days, age, paths, sum(p.stat().st_size for p in paths), because)]


def _quarantine_due(settings: Settings, delivery: Delivery, contract: Contract, age: int) -> list[Due]:
    days, path = contract.keep_quarantine_days, settings.quarantine / f"{delivery.delivery_id}.parquet"
    if days is None or age <= days or not path.is_file():
        return []
    return [Due(delivery, contract.name, QUARANTINE, days, age, (path,), path.stat().st_size)]


def _not_safe(settings: Settings, run, delivery: Delivery) -> str:
    """Why a file may not go yet: without it what it says would be lost."""
    path = settings.verdicts / f"{delivery.delivery_id}.json"
    verdict = admission.load_verdict(path, steps.verdict_key(settings, run, delivery), settings.staged)
    if verdict is None or verdict.verdict == "not_checked":
        return "not judged by today's contract and code, or its accepted rows are gone: run `barometer run` first"
    if delivery.refusal is not None or delivery.path.is_symlink():
        return "it cannot be read, or is a link: remove it by hand"
    return ""


def prune(settings: Settings, things: list[Due], day: date, told: Callable[[Due], None] = lambda _: None) -> list[Due]:
    """Remove what is due and not held back; returns what went. Raises StorageProblem when a file cannot be removed.

    For each thing first the record, then the receipt, then the file: killed in between, the next time goes on from there.
    """
    gone = []
    for thing in things:
        if thing.kept_because or (thing.what == RAW and not _is_still(thing)):
            continue
        try:
            _record(settings, thing, day)
            if thing.what == RAW:
                _mark(thing.delivery, settings.raw, day)
            for path in thing.paths:
                path.unlink(missing_ok=True)
        except OSError as error:
            problem = f"{printable(thing.shown_name)}: the {thing.what} cannot be removed ({error.strerror})"
            raise StorageProblem(problem, "give write permission on its folder, then prune again") from None
        gone.append(thing)
        told(thing)
    return gone


def _is_still(thing: Due) -> bool:
    """Whether the files are those that were judged: a file may have been replaced a moment ago."""
    return all(landing.sha256_of(path) == thing.delivery.receipt.sha256 for path in thing.paths)


def _record(settings: Settings, thing: Due, day: date) -> None:
    path = record_path(settings)
    entries = (ledger.read_json(path) or {}).get("pruned", [])
    entry = {
        "pruned_on": str(day),
        "pruned_by": _user(),
        "what": thing.what,
        "delivery_id": thing.delivery.delivery_id,
        "sha256": thing.delivery.receipt.sha256,
        "contract": thing.contract,
        "keep_days": thing.kept_days,
        "files": len(thing.paths),
        "bytes": thing.bytes,
    }
    key = ("pruned_on", "what", "delivery_id")
    if not any(all(e.get(name) == entry[name] for name in key) for e in entries):
        ledger.write_json(path, {"pruned": [*entries, entry]})


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an account
        return "unknown"


def _mark(delivery: Delivery, raw: Path, day: date) -> None:
    for path in landing.receipts_of(raw, delivery.delivery_id):
        landing.write_receipt(path, replace(landing.read_receipt(path), pruned_on=str(day)))
