"""From delivered text to typed columns, as SQL: French and English numbers, dates and times of Europe/Paris, labels.

The same expressions serve the fast reading (no line numbers) and the numbered one, so both give the same good rows. A
text that is there but cannot be read as its column's type leaves NULL, and the column's name in `_unreadable`.
"""

from __future__ import annotations

from flows.core.contracts import Column, Contract, normalised
from flows.core.reading.tables import TextTable, identifier, quoted

SPACES = " \t\r\n\u00a0\u202f\u2009\ufeff"
TRUE = ("oui", "o", "vrai", "true", "1", "x", "yes", "y")
FALSE = ("non", "n", "faux", "false", "0", "no")

# a two-digit year comes before its four-digit twin: %Y would read 31/12/25 as the year 25
DATES = ("%Y-%m-%d", "%d/%m/%y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
TIMES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%y %H:%M",
    "%d/%m/%y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %Hh%M",
    "%d/%m/%Y à %Hh%M",
    "%d-%m-%Y %H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f",
)
GROUPED = r"[+-]?[0-9]{1,3}([ \x{00a0}\x{202f}\x{2009}][0-9]{3})+([.,][0-9]+)?"
"""2 400 with any of the spaces that French typography uses; `12 5` is no number."""


def typed_select(contract: Contract, table: TextTable, positions: dict[str, int], scan: str) -> str:
    """SQL that yields the staged columns, `_line`, `_unreadable` and (numbered) `_text` from the scan of a table.

    `positions` maps contract columns to the delivered fields f0, f1, …; a column that was not delivered is NULL.
    """
    columns = contract.staged_columns
    texts = [f"{_text(contract, positions[c.name])} as t_{c.name}" for c in columns if c.name in positions]
    values = [f"{_value(c) if c.name in positions else f'cast(null as {c.sql_type})'} as {c.name}" for c in columns]
    delivered = [c for c in columns if c.name in positions]
    unreadable = " ".join(f"when t_{c.name} is not null and {c.name} is null then {quoted(c.name)}" for c in delivered)
    line = "_line" if table.numbered else "cast(null as bigint) as _line"
    kept_text = f", {_whole_text(table)} as _text" if table.numbered else ""
    carried = ", _text" if table.numbered else ""
    return f"""
        with texts as (select {line}{kept_text}, {", ".join(texts)} from ({scan})),
        typed as (select _line{carried}, {", ".join(f"t_{c.name}" for c in delivered)}, {", ".join(values)} from texts)
        select {", ".join(c.name for c in columns)}, _line{carried},
            case {unreadable} end as _unreadable
        from typed"""


def _text(contract: Contract, position: int) -> str:
    field = f"trim(f{position}, {quoted(SPACES)})"
    tokens = ", ".join(quoted(token) for token in ("", *contract.missing))
    return f"case when f{position} in ({tokens}) or {field} in ({tokens}) then null else {field} end"


def _whole_text(table: TextTable) -> str:
    if table.form == "jsonl":
        return "_json"
    return f" || {quoted(table.delimiter)} || ".join(f"coalesce(f{i}, '')" for i in range(len(table.header)))


def _value(column: Column) -> str:
    text = f"t_{column.name}"
    return _READERS[column.type](column, text)


def _code(column: Column, text: str) -> str:
    if not column.pad:
        return text
    digits = f"[0-9]{{1,{column.pad - 1}}}"
    return (
        f"case when length({text}) < {column.pad} and regexp_full_match({text}, '{digits}') "
        f"then lpad({text}, {column.pad}, '0') else {text} end"
    )


def _number(_: Column, text: str) -> str:
    plain = f"try_cast(replace({text}, ',', '.') as double)"
    ungrouped = f"replace(regexp_replace({text}, '[ \\x{{00a0}}\\x{{202f}}\\x{{2009}}]', '', 'g'), ',', '.')"
    grouped = f"case when regexp_full_match({text}, '{GROUPED}') then try_cast({ungrouped} as double) end"
    # a number is made of digits: DuckDB would also read nan, inf and 1_000
    value = f"case when not contains({text}, '_') then coalesce({plain}, {grouped}) end"
    return f"case when isfinite({value}) then {value} end"


def _percent(column: Column, text: str) -> str:
    return _number(column, f"trim(rtrim({text}, '%'), {quoted(SPACES)})")


def _integer(column: Column, text: str) -> str:
    value = _number(column, text)
    return f"case when {value} = trunc({value}) and abs({value}) < 9e15 then cast({value} as bigint) end"


def _year(column: Column, text: str) -> str:
    value = _integer(column, text)
    return f"cast(case when {value} between 0 and 99 then 2000 + {value} when {value} between 1000 and 9999 then {value} end as integer)"


def _formats(formats: tuple[str, ...]) -> str:
    return "[" + ", ".join(quoted(f) for f in formats) + "]"


def _local_time(text: str) -> str:
    """Local time of Europe/Paris. A text with an offset is converted, an hour that summer time skips does not exist."""
    has_offset = f"regexp_matches({text}, '[0-9]{{2}}:[0-9]{{2}}.*(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
    converted = f"try_cast({text} as timestamptz) at time zone 'Europe/Paris'"
    local = f"try_strptime({text}, {_formats((*TIMES, *DATES))})"
    existing = f"(({local}) at time zone 'Europe/Paris') at time zone 'Europe/Paris' = {local}"
    return f"case when {has_offset} then {converted} when {existing} then {local} end"


def _timestamp(_: Column, text: str) -> str:
    return f"cast({_local_time(text)} as timestamp)"


def _date(_: Column, text: str) -> str:
    plain = f"try_strptime({text}, {_formats(DATES)})"
    return f"cast(coalesce({plain}, {_local_time(text)}) as date)"


def _boolean(_: Column, text: str) -> str:
    key = f"lower({text})"
    true, false = (", ".join(quoted(word) for word in words) for words in (TRUE, FALSE))
    return f"case when {key} in ({true}) then true when {key} in ({false}) then false end"


def _label(column: Column, text: str) -> str:
    codes = ", ".join(quoted(code) for code, _ in column.values)
    key = normalised_sql(text)
    whens = " ".join(
        f"when {key} in ({', '.join(quoted(normalised(s)) for s in spellings)}) then {quoted(code)}"
        for code, spellings in column.values
    )
    return f"case when {text} in ({codes}) then {text} {whens} else {text} end"


def normalised_sql(text: str) -> str:
    """`contracts.normalised` in SQL."""
    plain = f"lower(strip_accents(replace(replace({text}, '’', ''''), 'œ', 'oe')))"
    return f"trim(regexp_replace({plain}, '[^a-z0-9]+', '_', 'g'), '_')"


_READERS = {
    "code": _code,
    "text": lambda _, text: text,
    "label": _label,
    "integer": _integer,
    "number": _number,
    "percent": _percent,
    "year": _year,
    "date": _date,
    "timestamp": _timestamp,
    "boolean": _boolean,
}


def scan_sql(table: TextTable, positions: dict[str, int], max_line: int, rejects: str | None = None) -> str:
    """SQL that yields f0, f1, … as text (and `_line` when numbered) from the delivered table.

    For JSON lines only the members in `positions` are taken. `rejects` names DuckDB's table of rejected lines.
    """
    if table.form == "parquet":
        fields = ", ".join(f"cast({identifier(name)} as varchar) as f{i}" for i, name in enumerate(table.header))
        line = "file_row_number + 1 as _line, " if table.numbered else ""
        return f"select {line}{fields} from read_parquet({quoted(table.path)}, file_row_number = true)"
    if table.form == "jsonl":
        return _scan_json(table, positions, max_line)
    return _scan_csv(table, max_line, rejects)


def _scan_csv(table: TextTable, max_line: int, rejects: str | None) -> str:
    names = [f"f{i}" for i in range(len(table.header))]
    columns = {name: "varchar" for name in names}
    if table.numbered:
        columns = {"_line": "bigint", **columns}
    spec = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items()) + "}"
    stored = f", store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scan'" if rejects else ""
    return (
        f"select * from read_csv({quoted(table.path)}, auto_detect = false, header = false, delim = {quoted(table.delimiter)}, "
        f"quote = '\"', escape = '\"', skip = {table.skip_lines}, columns = {spec}, strict_mode = true, "
        f"new_line = {quoted(table.line_end)}, max_line_size = {max(4 * max_line, 4194304)}{stored})"
    )


def _scan_json(table: TextTable, positions: dict[str, int], max_line: int) -> str:
    if not table.numbered:
        spec = "{" + ", ".join(f"{quoted(table.header[i])}: 'varchar'" for i in sorted(positions.values())) + "}"
        fields = ", ".join(f"{identifier(table.header[i])} as f{i}" for i in sorted(positions.values()))
        return (
            f"select {fields} from read_json({quoted(table.path)}, format = 'newline_delimited', columns = {spec}, "
            f"maximum_object_size = {max_line})"
        )
    fields = ", ".join(
        f"json_extract_string(_json, {quoted(_json_path(table.header[i]))}) as f{i}" for i in sorted(positions.values())
    )
    lines = (
        f"select * from read_csv({quoted(table.path)}, auto_detect = false, header = false, delim = '\x01', quote = '', "
        f"escape = '', columns = {{'_line': 'bigint', '_json': 'varchar'}}, max_line_size = {max(4 * max_line, 4194304)})"
    )
    return f"select _line, _json, json_valid(_json) and json_type(_json) = 'OBJECT' as _is_object, {fields} from ({lines})"


def _json_path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'
