"""Row counts of deliveries as everybody may see them: rows that are police records or persons are rounded, small counts hidden.

One form for all that is public: audit tables, manifest, pages, results. The exact counts lie in `warehouse.duckdb` (internal).
Of each delivery one number is protected, the accepted rows; the others follow from it, or say nothing of it:

* accepted: hidden when small, else rounded. Rounded alone, it leaves every count of its class possible; a test tries them all.
* set aside: exact while at most half of what is shown as accepted. Such rows are in no figure, and so few of them say nothing
  of the others. Rows of a refused delivery come again mended: they are protected like accepted ones.
* read: the sum of the two, as shown; hidden when one of them is.
* bytes, line numbers and numbers in the words of a refusal: withheld, for each tells how many rows there are.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.core.ledger import Judged

POLICE, PERSONS, OPEN = "police", "persons", "open"
FAMILIES = (POLICE, PERSONS, OPEN)
"""What a contract's rows are counts of (`counts: of:`); open ones are published as they are."""

EXACT, ROUNDED, HIDDEN = "exact", "rounded", "hidden"

RULES = Path(__file__).resolve().parents[2] / "sql" / "reference" / "disclosure_rules.csv"


@dataclass(frozen=True)
class Rounding:
    """To which multiple row counts are rounded, why, and since when."""

    limit: int
    reason: str
    decided_on: str


@lru_cache(maxsize=1)
def _rules() -> dict[tuple[str, str], Rounding]:
    """The rules of disclosure control by kind and family, read without pandas: a run with nothing to do must not pay for it."""
    with RULES.open(encoding="utf-8") as file:
        return {
            (row["kind"], row["family"]): Rounding(int(row["rule_limit"]), row["reason"], row["decided_on"])
            for row in csv.DictReader(file)
        }


def rounding() -> Rounding:
    """The rule by which row counts are rounded."""
    return _rules()["rounding", "rows"]


LARGE = 40
"""2026-11: of this many records or persons shown as accepted or more, a part of up to half can be shown: what is left over is
never small."""

NUMBER = re.compile(r"(?<![\w.-])\d+(?:[.,\u202f]\d+)*(?![\w-])")


@dataclass(frozen=True)
class Counted:
    """What a contract's rows are counts of; `rows_each` is the most rows of one record or person (answers of a respondent)."""

    family: str
    rows_each: int = 1

    @property
    def is_open(self) -> bool:
        return self.family == OPEN

    @property
    def limit(self) -> int:
        """The largest number of rows that is hidden; 0 for open data."""
        rule = _rules().get(("small", self.family))
        return self.rows_each * rule.limit if rule else 0

    def shown(self, count: int) -> int | None:
        """The count as it is (open data, none at all), hidden (None), or the nearest multiple of the rounding's base."""
        if self.is_open or count == 0:
            return count
        base = self.rows_each * rounding().limit
        return None if count <= self.limit else base * ((count + base // 2) // base)


UNKNOWN = Counted(PERSONS)
"""Of a file that answers to no contract nobody knows what its rows are: the strictest."""


def told() -> dict:
    """The rule as the manifest tells it."""
    limits = {family: Counted(family).limit for family in (POLICE, PERSONS)}
    return {
        "hidden_up_to": limits,
        "rounded_to": rounding().limit,
        "reason": rounding().reason,
        "decided_on": rounding().decided_on,
    }


@dataclass(frozen=True)
class Shown:
    """Rows read, accepted and set aside as shown (None: hidden), and the one word that says how: exact, rounded or hidden."""

    read: int | None
    accepted: int | None
    quarantined: int | None
    status: str
    is_quarantined_exact: bool


def shown(accepted: int, quarantined: int, counted: Counted) -> Shown:
    """The three counts of one delivery. Where none is hidden, read = accepted + quarantined holds of what is shown."""
    if counted.is_open or accepted + quarantined == 0:
        return Shown(accepted + quarantined, accepted, quarantined, EXACT, True)
    is_exact = quarantined == 0
    accepted_shown = counted.shown(accepted)
    if accepted and accepted_shown is None:
        quarantined_shown = 0 if is_exact else None
    else:
        is_exact = is_exact or 2 * quarantined <= (accepted_shown or 0)
        quarantined_shown = quarantined if is_exact else counted.shown(quarantined)
    if accepted_shown is None or quarantined_shown is None:
        return Shown(None, accepted_shown, quarantined_shown, HIDDEN, is_exact)
    return Shown(accepted_shown + quarantined_shown, accepted_shown, quarantined_shown, ROUNDED, is_exact)


def part(count: int, whole: int, counts: Shown, counted: Counted) -> int | None:
    """How many of the rows read, which may be accepted ones: shown when neither the part nor what it leaves over is small."""
    if counted.is_open or count == 0:
        return count
    if count == whole:
        return counts.read
    rounded = counted.shown(count)
    most = max(LARGE * counted.rows_each, 2 * (rounded or 0))
    is_telling_nothing = rounded is not None and (counts.accepted or 0) >= most
    return rounded if is_telling_nothing else None


def status_of(counts: tuple[int | None, ...], counted: Counted) -> str:
    """How counts of rows read, or of parts of them, are shown."""
    if counted.is_open or not any(count is None or count for count in counts):
        return EXACT
    return HIDDEN if None in counts else ROUNDED


def counted_of(contract: str | None, by_contract: Mapping[str, Counted]) -> Counted:
    """What the rows of a delivery of that contract are counts of."""
    return by_contract.get(contract or "", UNKNOWN)


def shown_of(row: Judged, by_contract: Mapping[str, Counted]) -> Shown:
    """The three counts of a delivery, as shown."""
    verdict = row.verdict
    return shown(verdict.rows_accepted, verdict.rows_quarantined, counted_of(verdict.contract, by_contract))


def public(row: Judged, by_contract: Mapping[str, Counted]) -> Judged:
    """The delivery as everybody may see it; of open data the same as it is. Hidden counts are None."""
    verdict, counted = row.verdict, counted_of(row.verdict.contract, by_contract)
    if counted.is_open:
        return row
    counts = shown(verdict.rows_accepted, verdict.rows_quarantined, counted)
    told = replace(
        verdict,
        rows_read=counts.read,
        rows_accepted=counts.accepted,
        rows_quarantined=counts.quarantined,
        refusal=verdict.refusal and _without_numbers(verdict.refusal),
        notes=tuple(without_numbers(note) for note in verdict.notes),
        checks=tuple(_public_check(check, verdict.rows_read, counts, counted) for check in verdict.checks),
        quarantine=tuple(
            _public_reason(entry, verdict.rows_quarantined, counts, counted) for entry in verdict.quarantine
        ),
        profile=(),
    )
    receipt = replace(row.delivery.receipt, bytes=None)
    return replace(row, verdict=told, delivery=replace(row.delivery, receipt=receipt))


def _public_reason(entry: Mapping, aside: int, counts: Shown, counted: Counted) -> dict:
    rows = entry["rows"]
    if rows == aside:
        rows = counts.quarantined
    elif not counts.is_quarantined_exact:
        rows = None
    return {**entry, "rows": rows, "first_line": None}


def _public_check(check: Mapping, whole: int, counts: Shown, counted: Counted) -> dict:
    failed = _public_failed(check, whole, counts, counted)
    told = {
        **check,
        "checked_rows": part(check["checked_rows"], whole, counts, counted),
        "failed_rows": failed,
        "result": _public_result(check, whole, counts, counted, failed),
    }
    return told


def _public_failed(check: Mapping, whole: int, counts: Shown, counted: Counted) -> int | None:
    if check["on_failure"] == "quarantine" and counts.is_quarantined_exact and counts.quarantined:
        return check["failed_rows"]  # each of these rows was set aside
    return part(check["failed_rows"], whole, counts, counted)


def _public_result(check: Mapping, whole: int, counts: Shown, counted: Counted, failed: int | None) -> dict:
    """The library's own counts, without the hidden ones; the percentages, of exact counts, are left out."""
    found = check.get("result") or {}
    told = {
        name: part(found[name], whole, counts, counted) for name in ("element_count", "missing_count") if name in found
    }
    for name in ("unexpected_count", "observed_value"):
        if name in found:
            is_failed = found[name] == check["failed_rows"]
            told[name] = failed if is_failed else part(int(found[name]), whole, counts, counted)
    return {name: count for name, count in told.items() if count is not None}


def _without_numbers(refusal: Mapping) -> dict:
    return {**refusal, "line": None, "found": without_numbers(str(refusal["found"])), "facts": {}}


def without_numbers(text: str) -> str:
    """The text with an ellipsis in the place of each number; numbers within names (Q12, 2024-03) stay."""
    return NUMBER.sub("…", text)
