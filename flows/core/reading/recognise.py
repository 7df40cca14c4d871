"""Which contract a header answers to: by content, never by file name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.core.contracts import FORBIDDEN_HEADERS, Contract, normalised
from flows.core.errors import Refusal

LOST = re.compile(r"(?:[^\x00-\x7f]|\?)+")
"""What may stand in a name where a letter with an accent was lost: `touch?es`, `touchÃ©es`, `touchŽes`."""

LEAST_LETTERS = 4
"""Of a name that is taken for a damaged one."""

MOST_FIELDS = 10

BY_HEADER = {"csv", "jsonl", "xlsx", "parquet"}
"""Forms that are recognised by the names of columns; the others have readers of their own."""


@dataclass(frozen=True)
class Match:
    """A contract, and for each of its columns that was delivered the position of its field in the header."""

    contract: Contract
    positions: dict[str, int]

    def __hash__(self) -> int:
        return hash(self.contract.name)


def match(header: list[str], contracts: Iterable[Contract], form: str) -> Match | None:
    """The contract with the most columns in common of those that the header satisfies, or None."""
    found = [m for contract in contracts if form in contract.forms if (m := _match_one(header, contract))]
    return max(found, key=lambda m: (len(m.contract.recognise_all), len(m.positions)), default=None)


def _match_one(header: list[str], contract: Contract) -> Match | None:
    positions = positions_of(header, contract)
    has_all = all(name in positions for name in contract.recognise_all)
    has_any = not contract.recognise_any or any(name in positions for name in contract.recognise_any)
    has_none = not any(name in positions for name in contract.recognise_none)
    return Match(contract, {c: p[0] for c, p in positions.items()}) if has_all and has_any and has_none else None


def positions_of(header: list[str], contract: Contract) -> dict[str, list[int]]:
    """The places in a header where each column of the contract is spelt; of columns that it has."""
    names = [normalised(name) for name in header]
    spelt = {c.name: [i for i, name in enumerate(names) if c.is_spelt(name)] for c in contract.columns}
    return {name: places for name, places in spelt.items() if places}


def is_reordered(names: list[str], found: Match) -> bool:
    """Whether these are names of as many of the contract's columns as the header has, but not in the same places."""
    places = {column: fields[0] for column, fields in positions_of(names, found.contract).items()}
    return len(places) >= len(found.positions) and any(places.get(c) != place for c, place in found.positions.items())


def check_header(header: list[str], found: Match, line: int | None) -> None:
    """Raises Refusal for a column that is there twice, one that names people, and one whose name has lost letters."""
    for column, places in positions_of(header, found.contract).items():
        if len(places) > 1:
            raise Refusal(
                "duplicate_header",
                f"one column for {column}",
                f"{len(places)} (fields {', '.join(str(p + 1) for p in places)})",
                "leave out or rename the column that does not belong",
                line,
                {
                    "column": found.contract.column(column).spellings[0],
                    "times": len(places),
                    "fields": ", ".join(str(p + 1) for p in places),
                },
            )
    known = set(found.positions.values())
    personal = [
        i + 1 for i, name in enumerate(header) if i not in known and FORBIDDEN_HEADERS.fullmatch(normalised(name))
    ]
    if personal:
        raise Refusal(
            "personal_data",
            "no column that names or reaches a person",
            f"such a column (field {', '.join(map(str, personal))})",
            "leave these columns out of the export and send it again; delete the file that holds them",
            line,
            {"columns": ", ".join(f"champ {field}" for field in personal)},
        )
    _check_letters(header, found, line)


def _check_letters(header: list[str], found: Match, line: int | None) -> None:
    """Raises Refusal for a name that would be a column's if its letters were whole: else the column would go without a word."""
    lacking = [c for c in found.contract.columns if c.name not in found.positions]
    for field, name in _unknown(header, found):
        damaged = _damaged(name)
        column = damaged and next((c for c in lacking for s in c.spellings if damaged.fullmatch(s)), None)
        if column:
            raise Refusal(
                "header_damaged",
                "names of columns with all their letters",
                f"a name in which letters are lost (field {field}, probably {column.spellings[0]})",
                "export the table again in UTF-8, and look at its header first; the rows have lost letters as well",
                line,
                {"field": field},
            )


def _damaged(name: str) -> re.Pattern[str] | None:
    """A pattern of what a name may have been before letters were lost; None where nothing points to that."""
    if not LOST.search(name):
        return None
    parts = [normalised(part) for part in LOST.split(name)]
    return re.compile("[a-z_]{1,4}".join(parts)) if sum(map(len, parts)) >= LEAST_LETTERS else None


def _unknown(header: list[str], found: Match) -> list[tuple[int, str]]:
    known = set(found.positions.values())
    return [(i + 1, name) for i, name in enumerate(header) if i not in known and name.strip()]


def left_out(header: list[str], found: Match) -> tuple[str, ...]:
    """What to say of columns that the contract does not know; nothing where there are none."""
    fields = [field for field, _ in _unknown(header, found)]
    if not fields:
        return ()
    more = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    listed = ", ".join(map(str, fields[:MOST_FIELDS]))
    return (f"columns that the contract does not know were left out (field {listed}{more})",)


def nearest(headers: list[list[str]], contracts: Mapping[str, Contract]) -> tuple[Contract, list[str], int] | None:
    """The contract that shares most columns with one of the lines, what it lacks, and the line's number.

    Where only one of several columns is needed and none is there, all of them are lacking.
    """
    best: tuple[int, Contract, list[str], int] | None = None
    by_header = [contract for contract in contracts.values() if set(contract.forms) & BY_HEADER]
    for number, header in enumerate(headers, 1):
        for contract in by_header:
            positions = positions_of(header, contract)
            shared = sum(name in positions for name in contract.recognise_all)
            missing = [name for name in contract.recognise_all if name not in positions]
            if not missing and not any(name in positions for name in contract.recognise_any):
                missing = list(contract.recognise_any)
            if shared and (best is None or shared > best[0]):
                best = (shared, contract, missing, number)
    return best[1:] if best else None
