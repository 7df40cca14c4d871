"""From delivered text to typed columns, as SQL: French and English numbers, dates and times of Europe/Paris, labels.

The same expressions serve the fast reading (no line numbers) and the numbered one, so both give the same good rows. A
text that is there but cannot be read as its column's type leaves NULL, and the column's name in `_unreadable`.
"""

from __future__ import annotations

from collections.abc import Iterable

from flows.core.contracts import Column, Contract, normalised
from flows.core.reading.json_lines import lines_sql
from flows.core.reading.tables import TextTable, identifier, one_file, parquet_sql, quoted

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
MONTH_FIRST = tuple(form.translate(str.maketrans("dm", "md")) for form in (*TIMES, *DATES))
"""The same ways of writing with month and day exchanged: of use only to tell that a column is written so."""

GROUPED = r"[+-]?[0-9]{1,3}([ \x{00a0}\x{202f}\x{2009}][0-9]{3})+([.,][0-9]+)?"
"""2 400 with any of the spaces that French typography uses; `12 5` is no number."""
UNGROUPED = r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?"
AMBIGUOUS = r"[+-]?[0-9]{1,3}([.,][0-9]{3})+"
"""2.400 where whole numbers stand: two thousand four hundred, or 2.4 with three decimals; the text does not say which."""

READ_BY_DUCKDB = ("number", "percent", "year")
"""Types whose fields DuckDB may read as numbers by itself; of an integer the text decides whether it can be read at all."""


def typed_select(
    contract: Contract, table: TextTable, positions: dict[str, int], scan: str, are_texts_raw: bool = False
) -> str:
    """SQL that yields the staged columns, `_line`, `_unreadable` and (numbered) `_text` and `_month_first` from the scan
    of a table: the last says of a day that cannot be read whether it is one with the month first (NULL without digits).

    `positions` maps contract columns to the delivered fields f0, f1, …; a column that was not delivered is NULL. Each
    layer computes a thing once: the text, the number in it, the typed value, what could not be read. With `are_texts_raw`
    texts, codes and labels are left as they were delivered: see `tidied_select`.
    """
    columns = contract.staged_columns
    delivered = [c for c in columns if c.name in positions]
    are_read = table.decimal is not None  # the numbers, by DuckDB itself
    raw = {c.name for c in delivered if are_texts_raw and c.sql_type == "varchar"}
    texts = "".join(
        f", {f'f{positions[c.name]}' if c.name in raw else _text(contract, c, f'f{positions[c.name]}', are_read)} as t_{c.name}"
        for c in delivered
    )
    numbers = "".join(f", {_number_of(c, are_read)} as n_{c.name}" for c in delivered if c.type in _NUMBERS)
    keys = "".join(_key(c) for c in delivered if c.name not in raw)
    values = ", ".join(f"{_staged_value(contract, c, c in delivered, c.name in raw)} as {c.name}" for c in columns)
    typed = [c for c in delivered if c.sql_type != "varchar"]
    unreadable = " ".join(f"when {_is_unreadable(contract, c, are_read)} then {quoted(c.name)}" for c in typed)
    unreadable = f"case {unreadable} end" if typed else "cast(null as varchar)"
    line = "_line" if table.numbered else "cast(null as bigint) as _line"
    kept_text = f", {_whole_text(table)} as _text" if table.numbered else ""
    carried = ", _text" if table.numbered else ""
    month_first = f", {_month_first(typed)} as _month_first" if table.numbered else ""
    return f"""
        with texts as (select {line}{kept_text}{texts} from ({scan})),
        numbers as (select *{numbers}{keys} from texts),
        typed as (select _line{carried}{"".join(f", t_{c.name}" for c in delivered)}, {values} from numbers)
        select {", ".join(c.name for c in columns)}, _line{carried}, {unreadable} as _unreadable{month_first}
        from typed"""


def _month_first(columns: list[Column]) -> str:
    """Only of rows that have an unreadable day: all others cost nothing."""
    whens = "".join(
        f" when _unreadable = {quoted(c.name)} and {_has_digit(text)} "
        f"then try_strptime({_trimmed(text)}, {_formats(MONTH_FIRST)}) is not null"
        for c in columns
        if c.type in ("date", "timestamp") and (text := f"t_{c.name}")
    )
    return f"case{whens} end" if whens else "cast(null as boolean)"


def _key(column: Column) -> str:
    return f", {normalised_sql(f't_{column.name}')} as k_{column.name}" if column.type == "label" else ""


def _staged_value(contract: Contract, column: Column, is_delivered: bool, is_raw: bool) -> str:
    if not is_delivered:
        return f"cast(null as {column.sql_type})"
    return f"t_{column.name}" if is_raw else _value(contract, column)


def untidy_sql(contract: Contract, rows: str) -> str | None:
    """SQL that tells whether any text of rows with raw texts is not yet what `tidied_select` would make of it; None where
    there are no texts. Plain functions, which DuckDB computes once for each different value of a Parquet page.
    """
    found = [_is_untidy(contract, c) for c in contract.staged_columns if c.sql_type == "varchar"]
    return f"select coalesce(bool_or({' or '.join(found)}), false) from {rows}" if found else None


def _is_untidy(contract: Contract, column: Column) -> str:
    name = column.name
    at_ends = (
        f"contains({quoted(SPACES)}, {name}[1]) or contains({quoted(SPACES)}, {name}[-1])"  # an empty text as well
    )
    unlisted = ""
    if column.type == "label":
        unlisted = f" or ({name} is not null and not {_is_one_of(name, (code for code, _ in column.values))})"
    elif column.pad:
        unlisted = f" or length({name}) < {column.pad}"
    return f"{at_ends} or {_is_one_of(name, _tokens(contract))}{unlisted}"


def tidied_select(contract: Contract, rows: str) -> str:
    """SQL of the staged rows from such with raw texts, codes and labels: these as `typed_select` makes them otherwise."""
    columns = [c for c in contract.staged_columns if c.sql_type == "varchar"]
    texts = "".join(f", {_text(contract, c, c.name, False)} as t_{c.name}" for c in columns)
    keys = "".join(_key(c) for c in columns)
    values = ", ".join(
        f"{_value(contract, c) if c in columns else c.name} as {c.name}" for c in contract.staged_columns
    )
    return f"""
        with texts as (select *{texts} from {rows}),
        keyed as (select *{keys} from texts)
        select {values}, _line, _unreadable from keyed"""


def _tokens(contract: Contract) -> tuple[str, ...]:
    """What stands for nothing."""
    return ("", *contract.missing)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(quoted(word) for word in words)


def _is_one_of(text: str, words: Iterable[str]) -> str:
    """`in`, as a function: of an `in` with more than five words DuckDB makes a join, which takes longer and mixes the rows."""
    return f"list_contains([{_listed(words)}], {text})"


def _text(contract: Contract, column: Column, field: str, are_numbers_read: bool) -> str:
    """The field without surrounding spaces; '' and the contract's words for it still say that there is nothing.

    A plain function of the field on purpose: DuckDB then computes it once for each different value of a Parquet page,
    and not once a row.
    """
    if column.type in ("code", "text", "label"):
        return _trimmed(field)
    return (
        field
        if are_numbers_read and column.type in READ_BY_DUCKDB
        else f"case when {_is_one_of(field, _tokens(contract))} then null else {field} end"
    )


def _trimmed(text: str) -> str:
    return f"trim({text}, {quoted(SPACES)})"


def _number_of(column: Column, are_read: bool) -> str:
    text = f"t_{column.name}"
    return text if are_read and column.type in READ_BY_DUCKDB else _NUMBERS[column.type](text)


def _is_unreadable(contract: Contract, column: Column, are_numbers_read: bool) -> str:
    text = f"t_{column.name}"
    if are_numbers_read and column.type in READ_BY_DUCKDB:
        return f"{column.name} is null and {text} is not null"
    return f"{column.name} is null and {text} is not null and not {_is_one_of(_trimmed(text), _tokens(contract))}"


def _whole_text(table: TextTable) -> str:
    """SQL of a row's text as the quarantine keeps it: what JSON lines say, or all fields with their separator."""
    if table.form == "jsonl":
        return "_json"
    fields = ", ".join(f"coalesce(f{i}, '')" for i in range(len(table.header)))
    return f"concat_ws({quoted(table.delimiter)}, {fields})"


def _value(contract: Contract, column: Column) -> str:
    text = f"t_{column.name}"
    value = _READERS[column.type](column, text)
    if column.sql_type != "varchar":
        return value
    return f"case when {_is_one_of(text, _tokens(contract))} then null else {value} end"


def _code(column: Column, text: str) -> str:
    if not column.pad:
        return text
    digits = f"[0-9]{{1,{column.pad - 1}}}"
    return (
        f"case when length({text}) < {column.pad} and regexp_full_match({text}, '{digits}') "
        f"then lpad({text}, {column.pad}, '0') else {text} end"
    )


def _number_in(text: str, comma_first: bool = True) -> str:
    """The number that a text writes, as a double: with a decimal comma or point, an exponent, spaces in groups of three."""
    with_comma = f"try_cast(replace({text}, ',', '.') as double)"
    plain = f"try_cast({text} as double)"
    first, second = (with_comma, "") if comma_first else (plain, f"{with_comma}, ")
    trimmed = _trimmed(text)
    ungrouped = f"replace(regexp_replace({trimmed}, '[ \\x{{00a0}}\\x{{202f}}\\x{{2009}}]', '', 'g'), ',', '.')"
    is_number = f"regexp_full_match({trimmed}, '{GROUPED}') or regexp_full_match({trimmed}, '{UNGROUPED}')"
    grouped = f"case when {is_number} then try_cast({ungrouped} as double) end"
    # a number is made of digits: DuckDB would also read 1_000
    return f"case when not contains({text}, '_') then coalesce({first}, {second}{grouped}) end"


def _percent_in(text: str) -> str:
    return _number_in(f"rtrim({_trimmed(text)}, '%')")


def _whole_in(text: str) -> str:
    has_mark = f"contains({text}, '.') or contains({text}, ',')"
    is_ambiguous = f"case when {has_mark} then regexp_full_match({_trimmed(text)}, '{AMBIGUOUS}') else false end"
    return f"case when {is_ambiguous} then null else {_number_in(text, comma_first=False)} end"


_NUMBERS = {
    "number": _number_in,
    "percent": _percent_in,
    "integer": _whole_in,
    "year": lambda text: _number_in(text, comma_first=False),
}


def _number(column: Column, _: str) -> str:
    # DuckDB reads nan and inf as numbers, and 1e400 as infinite
    return f"case when isfinite(n_{column.name}) then n_{column.name} end"


def _integer(column: Column, _: str) -> str:
    number = f"n_{column.name}"
    return f"case when {number} = trunc({number}) and abs({number}) < 9e15 then cast({number} as bigint) end"


def _year(column: Column, _: str) -> str:
    number = f"n_{column.name}"
    year = f"case when {number} between 0 and 99 then 2000 + {number} when {number} between 1000 and 9999 then {number} end"
    return f"cast(case when {number} = trunc({number}) then {year} end as integer)"


def _formats(formats: tuple[str, ...]) -> str:
    return "[" + ", ".join(quoted(f) for f in formats) + "]"


def _local_time(text: str) -> str:
    """Local time of Europe/Paris. A text with an offset is converted, an hour that summer time skips does not exist."""
    text = _trimmed(text)
    has_offset = f"regexp_matches({text}, '[0-9]{{2}}:[0-9]{{2}}.*(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
    converted = f"try_cast({text} as timestamptz) at time zone 'Europe/Paris'"
    local = f"try_strptime({text}, {_formats((*TIMES, *DATES))})"
    existing = f"(({local}) at time zone 'Europe/Paris') at time zone 'Europe/Paris' = {local}"
    return f"case when {has_offset} then {converted} when {_has_digit(text)} and {existing} then {local} end"


def _timestamp(_: Column, text: str) -> str:
    return f"cast({_local_time(text)} as timestamp)"


def _date(_: Column, text: str) -> str:
    """Most dates are written 2025-12-31: these are taken first, and only what DuckDB writes so again."""
    iso = f"try_cast({text} as date)"
    plain = f"try_strptime({text}, {_formats(DATES)})"
    other = f"cast(coalesce(case when {_has_digit(text)} then {plain} end, {_local_time(text)}) as date)"
    return f"case when length({text}) = 10 and cast({iso} as varchar) = {text} then {iso} else {other} end"


def _has_digit(text: str) -> str:
    """DuckDB reads `infinity` and `epoch` as 1900-01-01, whatever the format."""
    return f"regexp_matches({text}, '[0-9]')"


def _boolean(_: Column, text: str) -> str:
    key = f"lower({_trimmed(text)})"
    return f"case when {_is_one_of(key, TRUE)} then true when {_is_one_of(key, FALSE)} then false end"


def _label(column: Column, text: str) -> str:
    key = f"k_{column.name}"
    whens = " ".join(
        f"when {_is_one_of(key, map(normalised, spellings))} then {quoted(code)}" for code, spellings in column.values
    )
    is_code = _is_one_of(text, (code for code, _ in column.values))
    return f"case when {is_code} then {text} {whens} else {text} end"


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
    "percent": _number,
    "year": _year,
    "date": _date,
    "timestamp": _timestamp,
    "boolean": _boolean,
}


def scan_sql(
    contract: Contract, table: TextTable, positions: dict[str, int], max_line: int, rejects: str | None = None
) -> str:
    """SQL that yields f0, f1, … as text (and `_line` when numbered) from the delivered table.

    For JSON lines only the members in `positions` are taken. `rejects` names DuckDB's table of rejected lines.
    """
    if table.form == "parquet":
        return _scan_parquet(table)
    if table.form == "jsonl":
        return _scan_json(table, positions, max_line)
    return _scan_csv(contract, table, positions, max_line, rejects)


def _scan_parquet(table: TextTable) -> str:
    if table.has_line_column:
        fields = ", ".join(f"{identifier(name)} as f{i}" for i, name in enumerate(table.header))
        return f"select _line, {fields} from {parquet_sql(table.path)}"
    fields = ", ".join(f"{_parquet_text(identifier(name))} as f{i}" for i, name in enumerate(table.header))
    line = "file_row_number + 1 as _line, " if table.numbered else ""
    return f"select {line}{fields} from {parquet_sql(table.path)}"


def _parquet_text(name: str) -> str:
    """A column as text. pandas writes a missing number as NaN; a decimal(9, 3) would show 2 as 2.000, which could be 2000."""
    text = f"cast({name} as varchar)"
    without_zeros = f"regexp_replace({text}, '[.]0+$', '')"
    return f"case when starts_with(typeof({name}), 'DECIMAL') then {without_zeros} else nullif({text}, 'nan') end"


def _scan_csv(
    contract: Contract, table: TextTable, positions: dict[str, int], max_line: int, rejects: str | None
) -> str:
    columns = {f"f{i}": "varchar" for i in range(len(table.header))}
    numbers = ""
    if table.decimal is not None:
        numeric = [c.name for c in contract.staged_columns if c.type in READ_BY_DUCKDB and c.name in positions]
        columns |= {f"f{positions[name]}": "double" for name in numeric}
        numbers = f", decimal_separator = {quoted(table.decimal)}, nullstr = [{_listed(_tokens(contract))}]"
    if table.numbered:
        columns = {"_line": "bigint", **columns}
    spec = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items()) + "}"
    # told of \r\n DuckDB's strict mode reads nothing; not told, it finds it
    ends = "" if table.line_end == "\\r\\n" else f", new_line = {quoted(table.line_end)}"
    stored = f", store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scan'" if rejects else ""
    return (
        f"select * from read_csv({one_file(table.path)}, auto_detect = false, header = false, delim = {quoted(table.delimiter)}, "
        f"quote = '\"', escape = '\"', skip = {table.skip_lines}, columns = {spec}, strict_mode = true{ends}, "
        f"max_line_size = {max(4 * max_line, 4194304)}, hive_partitioning = false{numbers}{stored})"
    )


def _scan_json(table: TextTable, positions: dict[str, int], max_line: int) -> str:
    if not table.numbered:
        spec = "{" + ", ".join(f"{quoted(table.header[i])}: 'varchar'" for i in sorted(positions.values())) + "}"
        fields = ", ".join(f"{identifier(table.header[i])} as f{i}" for i in sorted(positions.values()))
        return (
            f"select {fields} from read_json({one_file(table.path)}, format = 'newline_delimited', columns = {spec}, "
            f"maximum_object_size = {max_line}, hive_partitioning = false)"
        )
    fields = ", ".join(
        f"json_extract_string(_object, {quoted(_json_path(table.header[i]))}) as f{i}"
        for i in sorted(positions.values())
    )
    lines = f"select *, case when json_valid(_json) then _json end as _object from ({lines_sql(table, max_line)})"
    # of a member that is there twice nobody can tell which is meant
    problem = """case when coalesce(json_type(_object), '') <> 'OBJECT' then 'not_json'
        when len(json_keys(_object)) <> len(list_distinct(json_keys(_object))) then 'member_twice' end"""
    return f"select _line, _json, {problem} as _problem, {fields} from ({lines})"


def _json_path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'
