"""Which counts are too small to be shown: settings, each with its reason and the day on which it was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a rule looks at."""

    SMALL = "small"  # counts 1 to `limit` are hidden
    GROUP = "group"  # none or all of a group of 1 to `limit` is hidden: it tells something of each member
    DOMINANCE = "dominance"  # the largest contributor's part is `limit` per cent or more
    CONTRIBUTORS = "contributors"  # fewer than `limit` contributors
    ROUNDING = "rounding"  # what is shown is rounded to a multiple of `limit`


@dataclass(frozen=True)
class Rule:
    """One rule for the measures of one family; `reason` says why the limit is what it is, `decided_on` since when."""

    kind: Kind
    family: str
    limit: int
    reason: str
    decided_on: str

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"The limit of rule {self.kind} of {self.family} is {self.limit}: it must be 1 or more")


POLICE, PERSONS, PARTNERS = "police", "persons", "partners"

RULES: tuple[Rule, ...] = (
    Rule(
        Kind.SMALL,
        POLICE,
        5,
        "SSMSI shows a communal count only above 5; a zero is no information on a person and stays a zero",
        "2026-11-23",
    ),
    Rule(
        Kind.SMALL,
        PERSONS,
        10,
        "INSEE: fewer than 11 persons are not shown; these are people in a sensitive situation",
        "2026-11-23",
    ),
    Rule(
        Kind.GROUP,
        PERSONS,
        10,
        "none or all of a group of ten or fewer says of each member whether help was taken",
        "2026-11-23",
    ),
    Rule(
        Kind.ROUNDING,
        PERSONS,
        5,
        "OpenSAFELY rounds to 5: two totals that differ by one person cannot be told apart",
        "2026-11-23",
    ),
    Rule(
        Kind.DOMINANCE,
        PARTNERS,
        85,
        "INSEE: a total of which one organisation makes 85 per cent or more is that organisation's figure",
        "2026-11-23",
    ),
    Rule(
        Kind.CONTRIBUTORS,
        PARTNERS,
        3,
        "INSEE: of fewer than three organisations each can take off its own part and learn the other's",
        "2026-11-23",
    ),
)


@dataclass(frozen=True)
class RuleBook:
    """The rules in force and, for every measure, the family to which it belongs."""

    rules: tuple[Rule, ...]
    families: dict[str, str]  # measure → family

    def __post_init__(self) -> None:
        known = {rule.family for rule in self.rules}
        for measure, family in self.families.items():
            if family not in known:
                raise ValueError(f"Measure {measure} is of family {family}, for which no rule is set: {sorted(known)}")

    def limit(self, measure: str, kind: Kind) -> int:
        """The limit of a kind of rule for a measure; 0 where no such rule is set."""
        if measure not in self.families:
            raise ValueError(f"Measure {measure} has no family: name it before its counts are published")
        family = self.families[measure]
        return max((rule.limit for rule in self.rules if rule.family == family and rule.kind == kind), default=0)

    def small_high(self, measure: str) -> int:
        """The largest count that the mark "hidden, small" can stand for: known to everybody who reads the rules."""
        return max(self.limit(measure, Kind.SMALL), self.limit(measure, Kind.GROUP))

    def as_rows(self) -> list[dict]:
        """The rules, for the certificate."""
        return [asdict(rule) | {"kind": str(rule.kind)} for rule in self.rules]


def rule_book(families: dict[str, str], rules: Iterable[Rule] = RULES) -> RuleBook:
    """The usual rules for the given measures (measure → family)."""
    return RuleBook(tuple(rules), dict(families))
