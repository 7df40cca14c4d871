"""Which counts are too small to be shown: rules are data (a table with a reason and a date each), read here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

EVERY_FAMILY = "all"


class Kind(StrEnum):
    """What a rule looks at; the last two are settings of the method and not of single counts."""

    SMALL = "small"  # counts 1 to `limit` are hidden
    GROUP = "group"  # none or all of a group of 1 to `limit` is hidden: it tells something of each member
    DOMINANCE = "dominance"  # the largest contributor's part is `limit` per cent or more
    CONTRIBUTORS = "contributors"  # fewer than `limit` contributors
    ROUNDING = "rounding"  # what is shown is rounded to a multiple of `limit`
    MOST_HIDDEN = (
        "most_hidden"  # per cent of the non-zero cells of a table: where more are hidden, a coarser one is shown
    )
    UNCERTAIN = "uncertain"  # per cent of an organisation's figure by which it must stay open on both sides


HIDING = (Kind.SMALL, Kind.GROUP, Kind.DOMINANCE, Kind.CONTRIBUTORS)
SETTINGS = (Kind.MOST_HIDDEN, Kind.UNCERTAIN)


@dataclass(frozen=True)
class Rule:
    """One rule for the measures of one family (or of all); `reason` says why the limit is what it is, `decided_on` since when."""

    kind: Kind
    family: str
    limit: int
    reason: str
    decided_on: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))
        if self.limit < 1:
            raise ValueError(f"The limit of rule {self.kind} of {self.family} is {self.limit}: it must be 1 or more")
        if self.family == EVERY_FAMILY and self.kind not in SETTINGS:
            raise ValueError(f"Rule {self.kind} is for one family: name it in place of {EVERY_FAMILY}")


@dataclass(frozen=True)
class RuleBook:
    """The rules in force and, for every measure, the family to which it belongs.

    Raises ValueError for a family without a rule, for a measure without a family (when asked for it) and for a setting
    that no rule holds.
    """

    rules: tuple[Rule, ...]
    families: dict[str, str]  # measure → family

    def __post_init__(self) -> None:
        known = {rule.family for rule in self.rules} - {EVERY_FAMILY}
        for measure, family in self.families.items():
            if family not in known:
                raise ValueError(f"Measure {measure} is of family {family}, for which no rule is set: {sorted(known)}")

    @cached_property
    def _limits(self) -> dict[tuple[str, Kind], int]:
        found: dict[tuple[str, Kind], int] = {}
        for rule in self.rules:
            found[rule.family, rule.kind] = max(found.get((rule.family, rule.kind), 0), rule.limit)
        return found

    def limit(self, measure: str, kind: Kind) -> int:
        """The limit of a kind of rule for a measure; 0 where no such rule is set."""
        if measure not in self.families:
            raise ValueError(f"Measure {measure} has no family: name it before its counts are published")
        return self._limits.get((self.families[measure], kind), 0)

    def setting(self, measure: str, kind: Kind) -> float:
        """A setting as a share (per cent / 100): that of the measure's family, else that of all families."""
        found = self.limit(measure, kind) or self._limits.get((EVERY_FAMILY, kind), 0)
        if not found:
            raise ValueError(f"No rule sets {kind}, neither for {self.families[measure]} nor for {EVERY_FAMILY}")
        return found / 100

    def small_high(self, measure: str) -> int:
        """The largest count that the mark "hidden, small" can stand for: known to everybody who reads the rules."""
        return max(self.limit(measure, Kind.SMALL), self.limit(measure, Kind.GROUP))

    def as_rows(self) -> list[dict]:
        """The rules, for the certificate, in an order that does not depend on that of the table."""
        rows = [asdict(rule) | {"kind": str(rule.kind)} for rule in self.rules]
        return sorted(
            rows, key=lambda row: (row["kind"], row["family"], row["limit"], row["decided_on"], row["reason"])
        )


@dataclass(frozen=True)
class Limits:
    """The limits of each cell's measure, one array per kind, and what hiding a cell tells of it."""

    of_kind: dict[Kind, np.ndarray]
    small_high: np.ndarray  # the largest count that the mark SMALL stands for; 0 where there is no such mark

    def __getitem__(self, kind: Kind) -> np.ndarray:
        return self.of_kind[kind]

    def when_hidden(self, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is known of each cell when it is hidden and its mark is told: the lowest and the highest count."""
        is_small = (count <= self.small_high) & (self.small_high > 0)
        low = np.where(is_small | (self.small_high == 0), 0.0, self.small_high + 1)
        return low, np.where(is_small, self.small_high, math.inf)


def limits_of(book: RuleBook, measures: np.ndarray, code: np.ndarray) -> Limits:
    """The limits of every cell: `measures` are the names, `code` says for each cell which of them it has."""
    names = [str(name) for name in measures]
    found = {kind: np.array([book.limit(name, kind) for name in names], dtype=np.int64)[code] for kind in Kind}
    for kind in SETTINGS:
        found[kind] = np.array([book.setting(name, kind) for name in names], dtype=float)[code]
    high = np.array([book.small_high(name) for name in names], dtype=float)[code]
    return Limits(found, high)


def rule_book(families: dict[str, str], rules: Iterable[Rule]) -> RuleBook:
    """The rules of the families that are used, for the given measures (measure → family)."""
    return RuleBook(tuple(rules), dict(families))
