"""What is known of deliveries and runs: which deliveries are in force, what a run depends on, and the records it leaves."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flows.core import row_counts
from flows.core.admission import Verdict
from flows.core.contracts import Contract
from flows.core.landing import Delivery
from flows.core.row_counts import Counted
from flows.core.written import as_json

CORE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Judged:
    """A delivery with its verdict, its place in the order of receipt, and whether a later one took its place."""

    delivery: Delivery
    verdict: Verdict
    rank: int
    superseded_by: str | None = None

    @property
    def is_in_force(self) -> bool:
        return self.verdict.is_admitted and self.superseded_by is None


def known_on(deliveries: Iterable[Delivery], as_of: date | None) -> list[Delivery]:
    """The deliveries received up to that day, in order of receipt."""
    known = [d.as_known_on(as_of) for d in deliveries if as_of is None or d.receipt.received_on <= as_of]
    return sorted(known, key=lambda d: (d.receipt.received_at, d.delivery_id))


def judged(
    deliveries: list[Delivery], verdicts: Mapping[str, Verdict], contracts: Mapping[str, Contract]
) -> list[Judged]:
    """Rank the deliveries and find those that a later admitted one of the same name and sender replaces.

    Editions of a published base live side by side, so there only a file of the same edition is replaced.
    """
    newest: dict[tuple, str] = {}
    rows: list[Judged] = []
    for rank, delivery in reversed(list(enumerate(deliveries, 1))):
        verdict = verdicts[delivery.delivery_id]
        superseded_by = None
        if verdict.is_admitted:
            edition = edition_of(delivery) if contracts[verdict.contract].has_edition else None
            key = (delivery.folder, delivery.receipt.file_name, delivery.receipt.sender, verdict.contract, edition)
            superseded_by = newest.get(key)
            newest.setdefault(key, delivery.delivery_id)
        rows.append(Judged(delivery, verdict, rank, superseded_by))
    return rows[::-1]


def edition_of(delivery: Delivery) -> str:
    """The edition's date: from the file name at landing, else the day of receipt."""
    return delivery.receipt.edition_date or delivery.receipt.received_on.isoformat()


def code_files(sql: Path) -> list[tuple[str, bytes]]:
    """Everything that decides what a release holds, by name: the models, contracts and decisions, and the core."""
    files = []
    for name, root, endings in (("sql", sql, (".sql", ".py", ".yml", ".csv")), ("core", CORE, (".py", ".j2", ".css"))):
        paths = sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts)
        files += [(f"{name}/{p.relative_to(root).as_posix()}", p.read_bytes()) for p in paths if p.suffix in endings]
    return files


def code_version(sql: Path) -> str:
    """A hash of everything that decides what a release holds."""
    return version_of(code_files(sql))


def version_of(files: Iterable[tuple[str, bytes]]) -> str:
    """The hash of `code_files`: each name without its first folder, a zero byte, the content, a zero byte."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(name.partition("/")[2].encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:12]


def reader_version(settings_text: str) -> str:
    """A hash of the code that reads and validates, with the settings that bear on it."""
    digest = hashlib.sha256(settings_text.encode())
    for path in sorted(
        [
            *CORE.glob("reading/*.py"),
            *(
                CORE / n
                for n in (
                    "admission.py",
                    "contracts.py",
                    "personal.py",
                    "profiling.py",
                    "quicker_checks.py",
                    "validation.py",
                )
            ),
        ]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def inputs_key(deliveries: Iterable[Delivery], code: str, as_of: date | None, settings_text: str) -> str:
    """One hash of all that a release is made of, but for what `receipts_key` holds: the same keys, the same release."""
    entries = [
        [
            d.delivery_id,
            d.receipt.received_at,
            d.folder,
            d.receipt.file_name,
            d.receipt.sender,
            d.receipt.edition_date,
            d.receipt.wave_code,
            d.receipt.is_synthetic,
            d.path is not None or None,
            d.refusal.code if d.refusal else None,
            list(d.duplicate_names),
        ]
        for d in deliveries
    ]
    text = json.dumps([code, str(as_of), settings_text, entries], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def receipts_key(deliveries: Iterable[Delivery]) -> str:
    """One hash of what a run writes into receipts itself (see `landing.complete_receipt`), and a person may correct."""
    entries = [[d.delivery_id, d.receipt.contract, d.receipt.licence, d.receipt.citation] for d in deliveries]
    return hashlib.sha256(json.dumps(entries, ensure_ascii=True).encode()).hexdigest()


def delivery_rows(rows: Iterable[Judged], contracts: Mapping[str, Contract]) -> list[tuple]:
    """Rows of `sources.deliveries`."""
    counted = counted_by(contracts)
    return [_delivery_row(row, contracts.get(row.verdict.contract or ""), counted) for row in rows]


def counted_by(contracts: Mapping[str, Contract]) -> dict[str, Counted]:
    """What the rows of each contract's deliveries are counts of."""
    return {name: contract.counted for name, contract in contracts.items()}


def _delivery_row(row: Judged, contract: Contract | None, counted: Mapping[str, Counted]) -> tuple:
    receipt, verdict = row.delivery.receipt, row.verdict
    public = row_counts.public(row, counted)
    edition = edition_of(row.delivery) if contract and contract.has_edition else None
    return (
        receipt.delivery_id,
        verdict.contract,
        contract.source if contract else None,
        row.delivery.shown_name,
        receipt.sha256,
        receipt.bytes,
        datetime.fromisoformat(receipt.received_at).replace(tzinfo=None),
        receipt.sender,
        receipt.licence or (contract.licence if contract else None),
        receipt.citation or (contract.citation if contract else None),
        edition,
        receipt.is_synthetic,
        receipt.wave_code,
        verdict.verdict,
        refusal_text(verdict.refusal) if verdict.refusal else None,
        verdict.rows_read,
        verdict.rows_accepted,
        verdict.rows_quarantined,
        row.superseded_by,
        row.is_in_force,
        row.rank,
        verdict.contract_version,
        public.delivery.receipt.bytes,
        refusal_text(public.verdict.refusal) if verdict.refusal else None,
        public.verdict.rows_read,
        public.verdict.rows_accepted,
        public.verdict.rows_quarantined,
        row_counts.shown_of(row, counted).status,
    )


def refusal_text(refusal: Mapping[str, object]) -> str:
    """One line: where, what was expected, what was found, how to mend it."""
    where = f"line {refusal['line']}: " if refusal["line"] is not None else ""
    return f"{where}expected {refusal['expected']}; found {refusal['found']}. To mend it: {refusal['remedy']}"


CHECK_FACTS = (
    "expectation_id", "expectation", "severity", "on_failure", "verdict", "checked_rows", "failed_rows", "reason",
    "known_since", "failed_rows_before",
)  # fmt: skip


def check_rows(
    run_id: str, rows: Iterable[Judged], model_checks: Iterable[tuple[str, dict]], counted: Mapping[str, Counted]
) -> list[tuple]:
    """Rows of `sources.checks`: those of the deliveries in their order, then those of the models.

    Of a published table everybody can count the rows, so there is nothing to protect.
    """
    of_deliveries = (
        (row.delivery.delivery_id, check, public, row_counts.counted_of(row.verdict.contract, counted))
        for row in rows
        for check, public in zip(row.verdict.checks, row_counts.public(row, counted).verdict.checks, strict=True)
    )
    of_models = ((name, check, check, Counted(row_counts.OPEN)) for name, check in model_checks)
    return [
        (run_id, subject, *(check.get(n) for n in CHECK_FACTS), *_public_facts(public, of))
        for subject, check, public, of in (*of_deliveries, *of_models)
    ]


def _public_facts(public: Mapping, of: Counted) -> tuple:
    counts = (public["checked_rows"], public["failed_rows"])
    return (*counts, row_counts.status_of(counts, of))


def quarantine_rows(rows: Iterable[Judged], counted: Mapping[str, Counted]) -> list[tuple]:
    """Rows of `sources.quarantine`."""
    return [
        (row.delivery.delivery_id, entry["reason"], entry["rows"], told["rows"], _reason_status(entry, told))
        for row in rows
        for entry, told in zip(row.verdict.quarantine, row_counts.public(row, counted).verdict.quarantine, strict=True)
    ]


def _reason_status(entry: Mapping, told: Mapping) -> str:
    if told["rows"] is None:
        return row_counts.HIDDEN
    return row_counts.EXACT if told["rows"] == entry["rows"] else row_counts.ROUNDED


def profile_rows(rows: Iterable[Judged]) -> list[tuple]:
    """Rows of `sources.profiles`."""
    return [(row.delivery.delivery_id, *entry) for row in rows for entry in row.verdict.profile]


def write_json(path: Path, content: object) -> None:
    """Write whole or not at all, and on the disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(as_json(content) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def read_json(path: Path) -> dict | None:
    """The content, or None when the file is not there or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
