"""Admission: one delivery becomes accepted rows, quarantined rows, or a refusal; nothing of it is lost or counted twice."""

from __future__ import annotations

import json
import os
import shutil
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows.core.contracts import Contract, Expectation, normalised
from flows.core.errors import Refusal, StorageProblem, printable
from flows.core.landing import CHUNK, Delivery, sha256_of, stamp_of, unreadable
from flows.core.personal import EMAIL, IP_ADDRESS, PHONE, SPACE, SPACED_PHONE
from flows.core.profiling import profile_of
from flows.core.reading import Delivered, Limits, anonymity, read
from flows.core.reading.codebook import CONTRACT as SURVEY_ANSWERS
from flows.core.reading.codebook import NOTHING_LISTED, Codebook
from flows.core.reading.delimited import chosen_lines
from flows.core.reading.recognise import is_reordered
from flows.core.reading.tables import AS_OWN_PARQUET, TextTable, parquet_sql, quoted
from flows.core.reading.typed import normalised_sql, scan_sql, tidied_select, typed_select, untidy_sql
from flows.core.written import as_json

DERIVED = "2026-11: follows from the contract's columns and key."
SMALL_BYTES = 1_000_000
"""A delivery of fewer bytes is read and checked by one thread: to share out its work takes longer than to do it."""

MANY_MONTH_FIRST = 3
"""From this many days on that exist with the month first only, when no other unreadable one speaks against it, the others are
not trusted: one or two are slips of a hand, three of one kind are a way of writing."""

NO_NUMBER = "Error when converting column"
"""What DuckDB says where a column that it was told to hold numbers holds something else."""

FEW_ROWS = 100_000
"""Up to this many rows that are set aside are looked up in a large file afterwards; for more it is read again, line by line."""

HELD_ROWS = 100_000
"""A candidate of up to this many rows is held in memory while it is checked: it is looked at a dozen times."""


@dataclass(frozen=True)
class Verdict:
    """What became of a delivery. Counts and line numbers only; it is kept as JSON and read again by later runs.

    `verdict` is passed, warned, refused or not_checked; `staged` the accepted rows' file, relative to the staged folder;
    `profile` the counts by which deliveries are compared, as in `profiling.Row`.
    """

    delivery_id: str
    contract: str | None
    contract_version: str
    verdict: str
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    refusal: dict | None = None
    checks: tuple[dict, ...] = ()
    quarantine: tuple[dict, ...] = ()
    notes: tuple[str, ...] = ()
    encoding: str = ""
    staged: str | None = None
    profile: tuple[tuple, ...] = ()

    @property
    def is_admitted(self) -> bool:
        return self.verdict in ("passed", "warned")


@dataclass(frozen=True)
class Room:
    """Where admission works: the warehouse's folders, DuckDB's limits, and the codebook of the surveys."""

    staged: Path
    quarantine: Path
    work: Path
    limits: Limits
    threads: int
    memory_limit: str
    max_quarantined_share: float
    codebook: Codebook = NOTHING_LISTED


@dataclass
class Candidate:
    """Typed rows of a delivery in a DuckDB view `candidate`, not yet judged."""

    delivered: Delivered
    con: object
    path: Path
    rows_read: int
    needs_line_numbers: bool = field(default=False)

    @property
    def has_line_of_each_row(self) -> bool:
        """Whether `_line` is filled in though nobody numbered the lines: there are as many rows as lines. That they stand in the
        same order is for `_look_up_texts` to prove."""
        return self.delivered.table.has_plain_ends


def admit(delivery: Delivery, contracts: Mapping[str, Contract], room: Room) -> Verdict:
    """Read and validate one delivery, write its accepted and its quarantined rows, and say what became of it.

    Never raises for a bad file. The fast reading without line numbers is kept only when nothing at all was found in it.
    """
    folder = room.work / delivery.delivery_id
    # of an earlier verdict, which may have let pass what must not lie here any longer
    for old in (room.quarantine / f"{delivery.delivery_id}.parquet", *room.staged.glob(f"*/{delivery.delivery_id}-*")):
        old.unlink(missing_ok=True)
    try:
        if delivery.refusal is not None:
            raise delivery.refusal
        verdict = _judge(delivery, contracts, room, folder, with_numbers=None)
        verdict = verdict or _judge(delivery, contracts, room, folder, with_numbers=True)
        _expect_unchanged(delivery)
        return verdict
    except Refusal as refusal:
        return _refused(delivery, None, refusal)
    except OSError:
        if (problem := _problem_of(delivery.path)) is None:  # not the delivery's fault but the warehouse's
            raise
        return _refused(delivery, None, problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _expect_unchanged(delivery: Delivery) -> None:
    """Raises Refusal for a file that somebody was still writing: what was read of it is not what its receipt speaks of."""
    if delivery.stamp in (None, stamp_of(delivery.path)):
        return
    if sha256_of(delivery.path) != delivery.receipt.sha256:
        raise Refusal(
            "still_arriving",
            "a file that lies still while it is read",
            "one that was written to meanwhile",
            "run again once it has arrived whole; copy under a hidden name and rename, as `barometer land` and rsync do",
        )


def _problem_of(path: Path) -> Refusal | None:
    """Why a delivery cannot be read to its end, or None when it can."""
    try:
        with path.open("rb") as file:
            while file.read(CHUNK):
                pass
    except OSError as error:
        return unreadable(error)
    return None


def _refused(delivery: Delivery, contract: Contract | None, refusal: Refusal, **facts: object) -> Verdict:
    name, version = (contract.name, contract.version) if contract else (None, "")
    return Verdict(delivery.delivery_id, name, version, "refused", refusal=refusal.as_dict(), **facts)


def _judge(
    delivery: Delivery, contracts: Mapping[str, Contract], room: Room, folder: Path, with_numbers: bool | None
) -> Verdict | None:
    """The verdict, or None when something was found that only a reading with line numbers can tell.

    Raises Refusal, and StorageProblem when the warehouse has no room.
    """
    from flows.core import validation

    shutil.rmtree(folder, ignore_errors=True)
    delivered = read(delivery.path, contracts, folder, room.limits, with_numbers, room.codebook)
    validation.preload()  # not before: unpacking would wait for it at every step, and what DuckDB does now does not
    with _one_table:
        return _judge_table(delivery, delivered, room, folder)


def _judge_table(delivery: Delivery, delivered: Delivered, room: Room, folder: Path) -> Verdict | None:
    import duckdb

    from flows.core.validation import FAILED, NOT_CHECKED

    contract = delivered.contract
    con = open_duckdb(room, folder, 1 if delivery.receipt.bytes < SMALL_BYTES else room.threads)
    try:
        candidate = _candidate(con, delivered, folder, room)
        if candidate.needs_line_numbers:
            return None
        checks = _validated(con, contract)
        failed = [c for c in checks if c.verdict == FAILED and c.expectation.on_failure == "quarantine"]
        may_look_up = candidate.has_line_of_each_row and sum(c.failed_rows for c in failed) <= FEW_ROWS
        if failed and not delivered.table.numbered and not may_look_up:
            return None
        verdict = Verdict(
            delivery.delivery_id,
            contract.name,
            contract.version,
            "passed",
            rows_read=candidate.rows_read,
            checks=tuple(c.as_dict() for c in checks),
            notes=delivered.table.notes,
            encoding=delivered.encoding,
        )
        if any(c.verdict == NOT_CHECKED and c.expectation.severity == "critical" for c in checks):
            return replace(verdict, verdict="not_checked", rows_quarantined=candidate.rows_read)
        return _separate(delivery, candidate, checks, verdict, room)  # None where lines cannot be told after all
    except duckdb.OutOfMemoryException:
        raise Refusal(
            "out_of_memory",
            f"a table that can be judged within {room.memory_limit}",
            "one that needs more memory",
            "send the table in parts, or raise BAROMETER_MEMORY_LIMIT",
        ) from None
    except duckdb.IOException as error:
        if problem := _problem_of(delivery.path):
            raise problem from None
        raise StorageProblem(
            f"the warehouse cannot be written: {' '.join(str(error).split())[:200]}",
            "free space on the disk, then run again",
        ) from None
    finally:
        con.close()


_one_table = threading.Lock()
"""Two deliveries may be unpacked and decoded at a time, but one is typed and validated: DuckDB alone keeps every processor
busy (two tables at a time took a sixth longer), and Great Expectations keeps one context for all."""

connections: weakref.WeakSet = weakref.WeakSet()
"""The connections that are open, so that a run that ends early can interrupt what another thread asks of them."""


def _validated(con, contract: Contract) -> list:
    from flows.core.validation import Validator

    validator = Validator(con)
    try:
        return validator.validate("candidate", expectations_of(contract), has_row_ids=True)
    finally:
        validator.close()


def open_duckdb(room: Room, folder: Path, threads: int | None = None):
    """An in-memory DuckDB that keeps to the run's limits and spills into the run's own folder."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(
        config={
            "threads": threads or room.threads,
            "memory_limit": room.memory_limit,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    con.execute("set timezone = 'UTC'")
    connections.add(con)
    return con


def _candidate(con, delivered: Delivered, folder: Path, room: Room) -> Candidate:
    """Write the typed rows, good and bad, to one Parquet file and lay the view `candidate` over it."""
    import duckdb

    contract, table = delivered.contract, delivered.table
    # the fast reading stops at the first bad line: to keep all would take gigabytes, and the numbered one tells them
    rejects = "rejects" if table.form == "csv" and table.numbered else None
    scan = scan_sql(contract, table, delivered.match.positions, room.limits.line, rejects)
    path = folder / "candidate.parquet"
    try:
        if table.numbered:
            _write_typed(con, contract, delivered, scan, path)
        else:
            _write_at_once(con, contract, delivered, scan, path)
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise
    except duckdb.Error as error:
        if table.decimal is not None and NO_NUMBER in str(error):  # as texts, those that are none can be set aside
            as_texts = replace(delivered, table=replace(table, decimal=None))
            return _candidate(con, as_texts, folder, room)
        if not table.numbered:
            return Candidate(delivered, con, path, 0, needs_line_numbers=True)
        raise _unreadable_table(table, f"damaged data ({type(error).__name__})") from None
    bad = folder / "bad_lines.parquet"
    bad_count = _write_bad_lines(con, delivered, bad)
    rows = con.execute(f"select count(*) from {parquet_sql(path)}").fetchone()[0]
    # lines that did not become rows: a quote that swallowed others, or lines of another shape
    is_lossy = table.line_count is not None and rows + bad_count - len(table.bad_lines) != table.line_count
    if not table.numbered and (bad_count or is_lossy):
        return Candidate(delivered, con, path, rows, needs_line_numbers=True)
    if is_lossy:
        raise _unreadable_table(table, "quotation marks that swallow whole lines")
    paths = [path] + ([bad] if bad_count else [])
    line = f"file_row_number + {table.skip_lines + 1}" if table.has_plain_ends else "_line"
    _view(con, paths, "table" if rows + bad_count <= HELD_ROWS else "view", line)
    return Candidate(delivered, con, path, rows + bad_count)


def _write_typed(con, contract: Contract, delivered: Delivered, scan: str, path: Path) -> None:
    """Write the typed rows of a table with line numbers."""
    table, as_delivered = delivered.table, path.with_name("as_delivered.parquet")
    if table.form == "csv":
        # by way of Parquet, whose pages know how few different values most columns have: half the work of typing
        con.execute(f"copy ({scan}) to {quoted(as_delivered)} {AS_OWN_PARQUET}")
        scan = f"from {parquet_sql(as_delivered)}"
    typed = typed_select(contract, table, delivered.match.positions, scan)
    if table.form == "jsonl":
        typed = _objects_only(contract, table, delivered, scan)
    con.execute(f"copy ({typed}) to {quoted(path)} {AS_OWN_PARQUET}")
    as_delivered.unlink(missing_ok=True)


def _write_at_once(con, contract: Contract, delivered: Delivered, scan: str, path: Path) -> None:
    """Write the typed rows of a large table, the texts as they were delivered; and once more where these are not tidy.

    Those of a publisher are: then the rows are written once, which is most of the work.
    """
    typed = typed_select(contract, delivered.table, delivered.match.positions, scan, are_texts_raw=True)
    con.execute(f"copy ({typed}) to {quoted(path)} {AS_OWN_PARQUET}")
    untidy = untidy_sql(contract, parquet_sql(path))
    if untidy is None or not con.execute(untidy).fetchone()[0]:
        return
    raw = path.with_name("raw_texts.parquet")
    path.rename(raw)
    con.execute(f"copy ({tidied_select(contract, parquet_sql(raw))}) to {quoted(path)} {AS_OWN_PARQUET}")
    raw.unlink()


def _unreadable_table(table: TextTable, found: str) -> Refusal:
    if table.form == "parquet":
        return Refusal("broken_parquet", "a complete parquet file", found, "send it again")
    remedy = "export the table again as CSV (UTF-8) and send it"
    return Refusal("unreadable_table", "a table that can be read to its end", found, remedy)


def _view(con, paths: list[Path], kind: str, line: str) -> None:
    if len(paths) == 1:
        columns = f"* replace (cast({line} as bigint) as _line), cast(file_row_number as bigint) as _row"
        con.execute(f"create {kind} candidate as select {columns} from {parquet_sql(paths[0])}")
        return
    first, second = (parquet_sql(path) for path in paths)
    con.execute(
        f"""create {kind} candidate as
        select *, cast(file_row_number as bigint) as _row from {first}
        union all by name
        select *, -1 - cast(file_row_number as bigint) as _row from {second}"""
    )


def _objects_only(contract: Contract, table, delivered: Delivered, scan: str) -> str:
    """Typed rows of numbered JSON lines; a line that is no plain object becomes an unreadable row of NULLs."""
    columns = contract.staged_columns
    typed = typed_select(contract, table, delivered.match.positions, f"select * from ({scan}) where _problem is null")
    empty = ", ".join(f"cast(null as {c.sql_type}) as {c.name}" for c in columns)
    return f"""
        {typed}
        union all
        select {empty}, _line, _json as _text, 'line: ' || _problem as _unreadable, null as _month_first
        from ({scan}) where _problem is not null"""


def _write_bad_lines(con, delivered: Delivered, path: Path) -> int:
    """Lines that could not become rows, as rows of NULLs with their reason; how many there are."""
    rows = [(b.line, b.text, b.reason) for b in delivered.table.bad_lines]
    if delivered.table.form == "csv" and delivered.table.numbered:
        rejected = con.execute(
            "select line, any_value(csv_line), min(error_type) from rejects group by line order by line"
        ).fetchall()
        mark = delivered.table.delimiter
        rows += [
            (_number_of(text, mark), (text or "").partition(mark)[2], _reason_of(kind)) for _, text, kind in rejected
        ]
    if not rows:
        return 0
    columns = ", ".join(f"cast(null as {c.sql_type}) as {c.name}" for c in delivered.contract.staged_columns)
    con.execute("create temp table bad_lines (_line bigint, _text varchar, _unreadable varchar)")
    for start in range(0, len(rows), 50_000):  # as lists: row by row a file of bad lines would take hours
        lists = [list(entries) for entries in zip(*rows[start : start + 50_000], strict=True)]
        con.execute("insert into bad_lines select unnest($1), unnest($2), 'line: ' || unnest($3)", lists)
    con.execute(f"copy (select {columns}, * from bad_lines order by _line) to {quoted(path)} (format parquet)")
    con.execute("drop table bad_lines")
    return len(rows)


def _number_of(text: str | None, mark: str) -> int | None:
    number = (text or "").partition(mark)[0]
    return int(number) if number.isdigit() else None


def _reason_of(error_type: str) -> str:
    known = {
        "MISSING COLUMNS": "too_few_fields",
        "TOO MANY COLUMNS": "too_many_fields",
        "UNQUOTED VALUE": "quote_misplaced",
        "LINE SIZE OVER MAXIMUM": "line_too_long",
        "INVALID ENCODING": "encoding_mixed",
    }
    return known.get(error_type, "unreadable")


def _separate(delivery: Delivery, candidate: Candidate, checks: list, verdict: Verdict, room: Room) -> Verdict | None:
    """Divide the candidate into accepted and quarantined rows, and write both; None where only a reading with line numbers
    can tell which lines are set aside."""
    from flows.core.validation import FAILED, NOT_CHECKED

    contract = candidate.delivered.contract
    failed = [c for c in checks if c.verdict == FAILED]
    refusing = next((c for c in failed if c.expectation.on_failure == "refuse"), None)
    if refusing is not None:
        if refusing.failing_rows_sql and not candidate.delivered.table.numbered:
            return None  # the sender is told the line
        return _refuse_rows(verdict, _refusal_of(refusing, candidate))
    quarantined = _mark_quarantined(candidate, [c for c in failed if c.expectation.on_failure == "quarantine"])
    count = sum(entry["rows"] for entry in quarantined)
    if count and not candidate.delivered.table.numbered and not _look_up_texts(candidate, room):
        return None
    if count and (untrusted := _untrusted(candidate)):
        return _refuse_rows(verdict, untrusted)
    if count > room.max_quarantined_share * candidate.rows_read:
        return _refuse_rows(verdict, _mostly_bad(candidate, quarantined, count))
    if count:
        _write_quarantine(delivery, candidate, room)
    withheld = _withhold(candidate, has_quarantined=count > 0)
    staged = _write_staged(delivery, candidate, room, has_quarantined=count > 0, has_withheld=bool(withheld))
    has_doubts = count or any(c.verdict in (FAILED, NOT_CHECKED) for c in checks)
    return replace(
        verdict,
        contract=contract.name,
        verdict="warned" if has_doubts else "passed",
        rows_accepted=candidate.rows_read - count,
        rows_quarantined=count,
        quarantine=tuple(quarantined),
        notes=(*verdict.notes, *([withheld] if withheld else [])),
        staged=staged,
        profile=profile_of(candidate.con, candidate.delivered, room.staged / staged),
    )


def _refuse_rows(verdict: Verdict, refusal: Refusal) -> Verdict:
    rows = verdict.rows_read
    reasons = (
        ({"reason": f"delivery_refused:{refusal.code}", "rows": rows, "first_line": refusal.line},) if rows else ()
    )
    return replace(verdict, verdict="refused", refusal=refusal.as_dict(), rows_quarantined=rows, quarantine=reasons)


def _refusal_of(check, candidate: Candidate) -> Refusal:
    if check.expectation.id == "rows_present":
        return Refusal(
            "no_rows",
            "at least one row",
            "a header without rows",
            "export the period again; if nothing happened, say so",
            1,
        )
    line = None
    if check.failing_rows_sql and candidate.delivered.table.numbered:
        line = candidate.con.execute(
            f"select min(_line) from candidate where _row in (select _row from ({check.failing_rows_sql}))"
        ).fetchone()[0]
    return Refusal(
        check.expectation.id,
        check.expectation.reason.partition(":")[2].strip(),
        f"{check.failed_rows} of {check.checked_rows} rows otherwise",
        "correct these rows, or tell us that the rule no longer fits",
        line,
        {"failed": check.failed_rows, "checked": check.checked_rows},
    )


def _untrusted(candidate: Candidate) -> Refusal | None:
    """Why the rows that can be read are not to be trusted, if those that are set aside show it."""
    numbered = candidate.delivered.table.numbered
    rows = "quarantined join candidate on quarantined._row = candidate._row" if numbered else "read_again"
    return _second_header(candidate, rows) or _month_before_day(candidate, rows)


def _second_header(candidate: Candidate, rows: str) -> Refusal | None:
    """A header below the first one that gives the columns other places: what stands below it was read by the wrong names.

    Its names are no numbers, days or yes and no. Of such rows that are set aside those are looked at of which most fields
    are names of columns; the same header again only costs its own row.
    """
    table, found = candidate.delivered.table, candidate.delivered.match
    if table.form != "csv":
        return None
    columns = [c for c in found.contract.columns if c.name in found.positions]
    nothing = " and ".join(f"{c.name} is null" for c in columns if c.staged and c.sql_type != "varchar") or "true"
    names = {name for c in columns for name in (c.name, *c.spellings)} | {normalised(name) for name in table.header}
    likely = candidate.con.execute(
        f"""select _line, any_value(_text) from (
            select _line, _text, unnest(string_split(_text, $1)) as _name from {rows} where {nothing}
        ) where list_contains($2, {normalised_sql("_name")}) group by _line having 2 * count(*) >= $3 order by _line""",
        [table.delimiter, sorted(names), len(columns)],
    ).fetchall()
    for line, text in likely:
        second = text.split(table.delimiter)
        if len(second) == len(table.header) and is_reordered(second, found):
            return Refusal(
                "second_header",
                "one header, above all rows",
                "a second one further down that names the columns in another order",
                "put the columns of both parts in one order under one header, or send them as two files",
                line,
            )
    return None


def _month_before_day(candidate: Candidate, rows: str) -> Refusal | None:
    found = candidate.con.execute(
        f"""select _unreadable, count(_month_first) as days, min(_line) filter (where _month_first) as line
        from {rows} where _unreadable is not null group by _unreadable
        having bool_and(_month_first) and days >= {MANY_MONTH_FIRST} order by line limit 1"""
    ).fetchone()
    if found is None:
        return None
    name, days, line = found
    column = candidate.delivered.contract.column(name)
    return Refusal(
        "month_first",
        f"days before months in the column {_header(candidate.delivered, name)}",
        f"{days} values that are days with the month first only, so that others may have been misread",
        f"write {WRITTEN[column.type]} in all rows",
        line,
        {"column": next(iter(column.spellings), name), "days": days},
    )


def _header(delivered: Delivered, name: str) -> str:
    """A column as the sender spells it."""
    return printable(delivered.table.header[delivered.match.positions[name]].strip())


def _mostly_bad(candidate: Candidate, quarantined: list[dict], count: int) -> Refusal:
    most = max(quarantined, key=lambda entry: entry["rows"])
    return Refusal(
        "mostly_quarantined",
        "rows of which most can be admitted",
        f"{count} of {candidate.rows_read} rows that cannot; {most['rows']} of them for {most['reason']}",
        _remedy_of(most["reason"], candidate.delivered),
        most["first_line"],
        {"bad": count, "read": candidate.rows_read, "reason": most["reason"], "most": most["rows"]},
    )


WRITTEN = {
    "integer": "whole numbers (2400 or 2 400, thousands apart by a space only)",
    "number": "numbers (19,5 or 19.5)",
    "percent": "shares (19,5 %)",
    "year": "years of four digits (2025)",
    "date": "days (31/12/2025 or 2025-12-31)",
    "timestamp": "times (31/12/2025 14:05 or 2025-12-31 14:05)",
    "boolean": "oui or non",
}


def _remedy_of(reason: str, delivered: Delivered) -> str:
    """What to do where most rows are set aside for one reason."""
    if reason == "key_unique":
        return "take out the rows that stand there again: the table was probably pasted or exported twice"
    name = reason.removeprefix("unreadable:")
    column = next((c for c in delivered.contract.staged_columns if c.name == name and c.type in WRITTEN), None)
    if column is None:
        return "compare the columns with the contract: a whole column is probably shifted or in another form"
    header = _header(delivered, name)
    return f"write {WRITTEN[column.type]} in the column {header}; if they stand in another one, the columns are shifted"


def _mark_quarantined(candidate: Candidate, failed: list) -> list[dict]:
    """Make the table `quarantined` (_row, reason), one reason a row: the first expectation, in their order, that it fails."""
    con = candidate.con
    con.execute("create temp table quarantined (_row bigint primary key, reason varchar, rank integer)")
    for rank, check in enumerate(failed):
        if check.expectation.id == "readable":
            sql = f"select _row, 'unreadable:' || _unreadable, {rank} from candidate where _unreadable is not null"
        else:
            sql = f"select distinct _row, {quoted(check.expectation.id)}, {rank} from ({check.failing_rows_sql})"
        con.execute(f"insert or ignore into quarantined {sql}")
    rows = con.execute(
        """select reason, count(*), min(_line) from quarantined join candidate on quarantined._row = candidate._row
        group by reason, rank order by rank, reason"""
    ).fetchall()
    return [{"reason": reason, "rows": count, "first_line": line} for reason, count, line in rows]


def _write_quarantine(delivery: Delivery, candidate: Candidate, room: Room) -> None:
    """The rows that were not admitted, with line number, reason and text: restricted to the one who runs the warehouse."""
    room.quarantine.mkdir(parents=True, exist_ok=True, mode=0o700)
    room.quarantine.chmod(0o700)
    target = room.quarantine / f"{delivery.delivery_id}.parquet"
    partial = target.with_suffix(".partial")
    rows = "quarantined join candidate on quarantined._row = candidate._row"
    if not candidate.delivered.table.numbered:
        rows += " join looked_up using (_line)"
    candidate.con.execute(
        f"""copy (
            select {quoted(delivery.delivery_id)} as delivery_id, _line as line, reason, _text as text
            from {rows}
            order by _line, reason, _text
        ) to {quoted(partial)} (format parquet)"""
    )
    partial.chmod(0o600)
    os.replace(partial, target)


def _look_up_texts(candidate: Candidate, room: Room) -> bool:
    """Make the table `looked_up` (`_line`, `_text`) of the rows that are set aside, from the lines of the file.

    False where a line does not say what its row says: that there are as many rows as lines is no proof that DuckDB kept
    their order.
    """
    con, delivered = candidate.con, candidate.delivered
    rows = "select candidate.* from quarantined join candidate on quarantined._row = candidate._row"
    lines = [line for (line,) in con.execute(f"select _line from ({rows})").fetchall()]
    chosen = chosen_lines(delivered.table, lines, candidate.path.with_name("chosen.csv"))
    positions = delivered.match.positions
    scan = scan_sql(delivered.contract, chosen, positions, room.limits.line)
    read_again = typed_select(delivered.contract, chosen, positions, scan)
    con.execute(f"create temp table read_again as {read_again}")
    con.execute("create temp table looked_up as select _line, _text from read_again")
    said = ", ".join(["_line", "_unreadable", *(c.name for c in delivered.contract.staged_columns)])
    differing = f"select {said} from ({rows}) except select {said} from read_again"
    return con.execute(f"select count(*) from ({differing})").fetchone()[0] == 0


def _accepted(has_quarantined: bool) -> str:
    return "where _row not in (select _row from quarantined)" if has_quarantined else ""


def _withhold(candidate: Candidate, has_quarantined: bool) -> str:
    """What is withheld of the accepted rows so that no respondent is nearly alone; empty when nothing has to be."""
    rule = candidate.delivered.contract.anonymity
    if rule is None:
        return ""
    return anonymity.withhold(candidate.con, rule, f"select * from candidate {_accepted(has_quarantined)}")


def _write_staged(
    delivery: Delivery, candidate: Candidate, room: Room, has_quarantined: bool, has_withheld: bool
) -> str:
    contract = candidate.delivered.contract
    version = f"{contract.version}-{room.codebook.version}" if contract.name == SURVEY_ANSWERS else contract.version
    relative = f"{contract.name}/{delivery.delivery_id}-{version}.parquet"
    target = room.staged / relative
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not has_quarantined and not has_withheld and not candidate.delivered.table.numbered:
        os.replace(candidate.path, target)
        return relative
    names = [c.name for c in contract.staged_columns]
    if has_withheld:
        names[names.index("answer_code")] = anonymity.answer_sql(contract.anonymity)
    columns, where = ", ".join(names), _accepted(has_quarantined)
    partial = target.with_suffix(".partial")
    candidate.con.execute(
        f"copy (select {columns} from candidate {where} order by _row) to {quoted(partial)} {AS_OWN_PARQUET}"
    )
    os.replace(partial, target)
    return relative


def expectations_of(contract: Contract) -> list[Expectation]:
    """What follows from the contract's columns and key, and what the contract adds, in the order of the reasons."""
    present = [
        _derived(f"{c.name}_present", "expect_column_values_to_not_be_null", {"column": c.name})
        for c in contract.staged_columns
        if c.required
    ]
    expectations = [
        _derived("rows_present", "expect_table_row_count_to_be_between", {"min_value": 1}, "refuse"),
        _derived("readable", "expect_column_values_to_be_null", {"column": "_unreadable"}),
        *present,
        *contract.expectations,
        _derived("key_unique", "unexpected_rows_expectation", {"unexpected_rows_query": repeated_keys_sql(contract)}),
    ]
    if contract.personal_data != "none":
        query = personal_values_sql(contract)
        expectations.append(
            _derived("no_personal_values", "unexpected_rows_expectation", {"unexpected_rows_query": query})
        )
    return expectations


def _derived(id: str, name: str, kwargs: dict, on_failure: str = "quarantine") -> Expectation:
    return Expectation(id, name, tuple(kwargs.items()), "critical", on_failure, DERIVED)


def repeated_keys_sql(contract: Contract) -> str:
    """Rows whose key stands more than once. Of copies that agree in every column the first is kept; where they
    disagree nobody can tell which is right, and none is.

    Hashes of the key are grouped first: that takes a fraction of the memory, and only rows whose hash repeats (a true
    repetition, or two keys in some billions that share a hash) are compared by the key itself.
    """
    required = [c.name for c in contract.staged_columns if c.name in contract.key and c.required]
    there = " and ".join(f"{name} is not null" for name in required) or "true"
    key, of_row = ", ".join(contract.key), _prefixed("b", contract.key)
    whole = " || '|' || ".join(f"coalesce(cast(b.{c.name} as varchar), '')" for c in contract.staged_columns)
    return f"""
        select _row from (
            select b._row, row_number() over (partition by {of_row} order by b._row) as copy_number,
                count(distinct {whole}) over (partition by {of_row}) as versions
            from {{batch}} b join (
                select hash({key}) as key_hash from {{batch}} where {there} group by key_hash having count(*) > 1
            ) d on hash({of_row}) = d.key_hash
        ) copies where versions > 1 or copy_number > 1"""


def _prefixed(prefix: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{prefix}.{name}" for name in names)


def personal_values_sql(contract: Contract) -> str:
    """Rows in which a text looks like an e-mail address, a French telephone number or an IP address."""
    conditions = []
    for column in contract.staged_columns:
        if column.type not in ("text", "code", "label"):
            continue
        name = column.name
        # what every address or number has is looked for first, and `case` looks no further where it is not: `and` would
        conditions.append(f"case when {name} like '%@%' then regexp_matches({name}, '{EMAIL}') else false end")
        if column.type == "code":
            has_spaces = " or ".join(f"contains({name}, {quoted(space)})" for space in SPACE[1:-1])
            conditions.append(f"case when {has_spaces} then regexp_matches({name}, '{SPACED_PHONE}') else false end")
        else:
            has_start = f"{name} like '%0%' or {name} like '%+33%'"
            conditions.append(f"case when {has_start} then regexp_matches({name}, '{PHONE}') else false end")
            conditions.append(
                f"case when {name} like '%.%.%.%' then regexp_matches({name}, '{IP_ADDRESS}') else false end"
            )
    return f"select * from {{batch}} where {' or '.join(conditions)}"


OF_THE_MOMENT = ("still_arriving", "out_of_memory", "unreadable")


def is_of_the_moment(verdict: Verdict) -> bool:
    """Whether it was refused for what the next run may find otherwise: the file away or still arriving, too little memory."""
    return verdict.refusal is not None and verdict.refusal["code"] in OF_THE_MOMENT


def save_verdict(path: Path, verdict: Verdict, key: str) -> None:
    """Keep a verdict, with the key of everything that it depends on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(as_json({"key": key, **vars(verdict)}), encoding="utf-8")
    os.replace(partial, path)


def load_verdict(path: Path, key_of, staged: Path) -> Verdict | None:
    """A kept verdict that still holds, or None. `key_of(contract)` gives today's key for a contract's name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        # the key first: a verdict of another version may have other entries
        if content.pop("key") != key_of(content["contract"]):
            return None
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    for name in ("checks", "quarantine", "notes"):
        content[name] = tuple(content[name])
    content["profile"] = tuple(tuple(row) for row in content["profile"])
    verdict = Verdict(**content)
    is_kept = verdict.staged is None or _is_parquet(staged / verdict.staged)
    return verdict if is_kept else None


def _is_parquet(path: Path) -> bool:
    """Whether a Parquet file is there to its end: a power cut may leave a part of it."""
    try:
        with path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            return file.read() == b"PAR1"
    except OSError:
        return False
