"""What the tests of reading share: admission of one file, and a reading of it without the expectations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from flows.core import admission, landing, steps
from flows.core.contracts import Contract, load_contracts
from flows.core.errors import Refusal
from flows.core.reading import read
from flows.settings import PROJECT, Settings


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts(PROJECT / "sql" / "0_sources")


@dataclass(frozen=True)
class Admitted:
    """A verdict and what it left: accepted rows (of the contract's columns), quarantined ones (line, reason, text)."""

    verdict: admission.Verdict
    accepted: list[tuple]
    quarantined: list[tuple]


@pytest.fixture
def admit(tmp_path, contracts) -> Callable[..., Admitted]:
    """Admit a file as a run would: admit(name, bytes or a path, max_line_bytes=…)."""

    def run(name: str, content: bytes | str | Path, **changed: object) -> Admitted:
        settings = replace(Settings(raw=tmp_path / "raw", out=tmp_path / "out"), **changed).resolved()
        shutil.rmtree(settings.raw, ignore_errors=True)
        settings.raw.mkdir()
        place = settings.raw / name
        if isinstance(content, Path):
            shutil.copyfile(content, place)
        else:
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        (delivery,) = landing.land_all(settings.raw, settings.out / "raw_index.json")
        verdict = admission.admit(delivery, contracts, steps.room(settings))
        return Admitted(verdict, accepted_rows(settings, verdict, contracts), quarantined_rows(settings, verdict))

    return run


def accepted_rows(settings: Settings, verdict: admission.Verdict, contracts: dict[str, Contract]) -> list[tuple]:
    if verdict.staged is None:
        return []
    columns = ", ".join(column.name for column in contracts[verdict.contract].staged_columns)
    return duckdb.sql(f"select {columns} from read_parquet('{settings.staged / verdict.staged}')").fetchall()


def quarantined_rows(settings: Settings, verdict: admission.Verdict) -> list[tuple]:
    path = settings.quarantine / f"{verdict.delivery_id}.parquet"
    if not path.exists():
        return []
    return duckdb.sql(f"select line, reason, text from read_parquet('{path}')").fetchall()


@dataclass(frozen=True)
class Reading:
    """What a reading gives before any expectation: readable rows, the number of rows, a refusal's code and line.

    `is_enough` is False when the fast reading found something that only the numbered one can tell.
    """

    good: list[tuple] | None = None
    rows_read: int = 0
    refused: tuple | None = None
    is_enough: bool = True


@pytest.fixture
def reading(tmp_path, contracts) -> Callable[[Path, bool], Reading]:
    """Read a file the fast way or with line numbers, whatever its size: reading(path, with_numbers=True)."""

    def run(path: Path, with_numbers: bool, **changed: object) -> Reading:
        room = steps.room(replace(Settings(out=tmp_path / "reading"), **changed).resolved())
        limits = replace(room.limits, numbered_below=1 << 60 if with_numbers else 0)
        folder = tmp_path / "reading" / "work"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            delivered = read(path, contracts, folder, limits, with_numbers)
            with admission.open_duckdb(room, folder) as con:
                candidate = admission._candidate(con, delivered, folder, room)
                if candidate.needs_line_numbers:
                    return Reading(is_enough=False)
                columns = ", ".join(column.name for column in delivered.contract.staged_columns)
                query = f"select {columns} from candidate where _unreadable is null order by _row"
                good = con.execute(query).fetchall()
                required = [f"{c.name} is null" for c in delivered.contract.staged_columns if c.required]
                found = f"select count(*) from candidate where _unreadable is not null or {' or '.join(required)}"
                bad = con.execute(found).fetchone()[0]
        except Refusal as refusal:
            return Reading(refused=(refusal.code, refusal.line))
        if bad and not with_numbers:
            return Reading(is_enough=False)  # admission then reads it again with line numbers
        return Reading(good, candidate.rows_read)

    return run
