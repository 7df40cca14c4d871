"""Every path and every threshold of the barometer, with its default; the only place where one is named."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


Size = str
"""A size in memory as DuckDB writes it: 900MB, 1.5 GiB."""


@dataclass(frozen=True)
class Settings:
    """One run's settings. A number or a text can be set as `BAROMETER_<NAME>` in the environment, for example
    `BAROMETER_KEPT_RELEASES=20`; the command's options win over the environment.

    A plain frozen dataclass, not pydantic-settings: a run with nothing to do must not pay pydantic's import.
    """

    raw: Path = Path("data/raw")
    out: Path = Path("data/warehouse")
    sql: Path = PROJECT / "sql"
    as_of: date | None = None
    publish: bool = True

    kept_releases: int = 10
    """Releases kept besides nothing else; the oldest go first, the current one never."""

    lock_wait_seconds: float = 60.0
    """How long a second run waits for the first one before it says who holds the lock."""

    threads: int = field(default_factory=lambda: os.cpu_count() or 2)
    """With 1 a run does one thing after the other. With more, many new small deliveries are shared out to further processes: one
    for each further processor, three at most, of 0.2 GB each."""

    memory_limit: Size = "900MB"
    """DuckDB's own limit: one table is typed and checked at a time. Great Expectations' 0.3 GB come on top, and a run must stay
    under 2 GB."""

    numbered_below_bytes: int = 24 * 1024 * 1024
    """Text up to this size is read with line numbers at once; above, only when something was found in it."""

    max_unpacked_bytes: int = 8 * 1024**3
    """A delivery that unpacks to more is refused: eight times the largest base of the SSMSI."""

    max_workbook_bytes: int = 512 * 1024**2
    """A workbook that unpacks to more is refused: the largest one known (état 4001) takes 35 MB."""

    max_line_bytes: int = 1024 * 1024
    """A longer line is no row of any contract."""

    max_quarantined_share: float = 0.5
    """2026-11: when more than half of the rows are bad, the file as a whole is misread and is refused."""

    openlineage: str = ""
    """Where OpenLineage events go: a file of JSON lines, an http(s) address, or `client` for the client library's own
    OPENLINEAGE_* variables. Empty: none are made. Needs the extra `openlineage`."""

    openlineage_namespace: str = "campaign-barometer"
    """Under which jobs and data sets stand on a lineage server."""

    @property
    def staged(self) -> Path:
        return self.out / "staged"

    @property
    def quarantine(self) -> Path:
        """Restricted: rows that were not admitted, with their text."""
        return self.out / "quarantine"

    @property
    def verdicts(self) -> Path:
        return self.out / "verdicts"

    @property
    def kept(self) -> Path:
        """Intermediate tables of the current release, for the next run."""
        return self.out / "kept"

    @property
    def protection(self) -> Path:
        """Internal: what the releases so far showed and hid, which the next one must not give away together with them."""
        return self.out / "protection"

    @property
    def runs(self) -> Path:
        return self.out / "runs"

    @property
    def internal(self) -> Path:
        """Exact counts and the rows in force, of the newest run's release; for its owner alone."""
        return self.out / "warehouse.duckdb"

    @property
    def releases(self) -> Path:
        return self.out / "releases"

    @property
    def current(self) -> Path:
        return self.out / "current"

    @property
    def work(self) -> Path:
        return self.out / "work"

    @property
    def prefect_home(self) -> Path:
        return self.out / "prefect"

    @property
    def lock(self) -> Path:
        return self.out / "run.lock"

    def resolved(self) -> Settings:
        """The same settings with absolute folders, so that a change of working folder cannot move them."""
        return replace(self, raw=self.raw.absolute(), out=self.out.absolute(), sql=self.sql.absolute())


def from_environment(**options: object) -> Settings:
    """Defaults, then `BAROMETER_*` of the environment, then the options that are not None.

    Raises UsageProblem when a variable of the environment cannot be read as its setting's type.
    """
    values: dict[str, object] = {}
    for setting in fields(Settings):
        text = os.environ.get(f"BAROMETER_{setting.name.upper()}")
        if text is not None:
            values[setting.name] = _read(setting.name, str(setting.type), text)
    values.update({name: value for name, value in options.items() if value is not None})
    return replace(Settings(), **values).resolved()


YES, NO = ("1", "true", "yes"), ("0", "false", "no")
IN_WORDS = {
    "Size": "size such as 900MB or 1.5GiB",
    "date | None": "day such as 2026-03-31",
    "bool": "answer: 1, true, yes or 0, false, no",
}
AT_LEAST_ONE = ("threads", "kept_releases")


def _size(text: str) -> str:
    """A size as DuckDB reads it. Raises ValueError for any other text."""
    if not re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*([KMGT]i?)?B\s*", text, re.IGNORECASE):
        raise ValueError
    return text


def _truth(text: str) -> bool:
    """Yes or no in words. Raises ValueError for any other text: a slip must not decide."""
    told = text.strip().lower()
    if told not in (*YES, *NO):
        raise ValueError
    return told in YES


def _read(name: str, type_name: str, text: str) -> object:
    readers = {
        "int": int,
        "float": float,
        "str": str,
        "bool": _truth,
        "Path": Path,
        "date | None": date.fromisoformat,
        "Size": _size,
    }
    try:
        value = readers[type_name](text)
        if name in AT_LEAST_ONE and value < 1:
            raise ValueError
        return value
    except ValueError:
        from flows.core.errors import UsageProblem

        wanted = "number from 1 on" if name in AT_LEAST_ONE else IN_WORDS.get(type_name, type_name)
        raise UsageProblem(
            f"BAROMETER_{name.upper()} is {text!r}, which is no {wanted}",
            "correct the variable of the environment, or leave it out",
        ) from None
