"""From a delivered file to a table of text whose contract is known: unpack, decode, find the header, recognise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from flows.core.contracts import Contract
from flows.core.errors import Refusal
from flows.core.reading import delimited, json_lines
from flows.core.reading.codebook import NOTHING_LISTED, Codebook
from flows.core.reading.recognise import Match, check_header, left_out, match, nearest
from flows.core.reading.tables import TextTable, one_file, parquet_sql
from flows.core.reading.unpack import PlainText, kind_of, to_plain_text, too_large

KNOWN_FORMS = "CSV (; , or tab), CSV packed with gzip, JSON lines, xlsx, parquet, a LimeSurvey .lss or an XLSForm"
NO_TABLE = {
    "pdf": "a PDF",
    "picture": "a picture",
    "html": "a web page (HTML), perhaps an error page or a log-in page",
    "bzip2": "a bzip2 archive",
    "xz": "an xz archive",
    "7z": "a 7z archive",
    "rar": "a RAR archive",
    "sqlite": "a database file",
}


@dataclass(frozen=True)
class Limits:
    """What a delivery may unpack to, in bytes, and up to which size it is read with line numbers at once."""

    unpacked: int
    workbook: int
    line: int
    numbered_below: int


@dataclass(frozen=True)
class Delivered:
    """A delivery whose contract is known: the match, and its text."""

    match: Match
    table: TextTable
    encoding: str

    @property
    def contract(self) -> Contract:
        return self.match.contract


def read(
    path: Path,
    contracts: Mapping[str, Contract],
    folder: Path,
    limits: Limits,
    with_numbers: bool | None = None,
    codebook: Codebook = NOTHING_LISTED,
) -> Delivered:
    """Read a delivery into `folder`. `with_numbers` None leaves the choice to its size.

    `codebook` decides which answers of a survey keep their value: none with the empty one.

    Raises Refusal for whatever keeps the file as a whole from being read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = kind_of(path)
    if kind == "empty":
        raise Refusal("empty", "a header line and rows", "a file of 0 bytes", "send the file again; it holds nothing")
    if kind in NO_TABLE:
        raise Refusal("no_table", KNOWN_FORMS, NO_TABLE[kind], "export the table itself and send that file")
    if kind in ("zip", "ole"):
        return _read_workbook(path, contracts, folder, limits)
    if kind == "parquet":
        return _read_parquet(path, contracts, folder, limits)
    if kind == "xml":
        return _read_xml(path, contracts, folder)
    text = to_plain_text(_plainly_named(path, folder / "delivered"), folder / "plain.txt", kind, limits.unpacked)
    wants_numbers = not text.is_clean or text.quote_count % 2 == 1 or text.byte_count < limits.numbered_below
    numbered = wants_numbers if with_numbers is None else with_numbers or not text.is_clean
    if json_lines.looks_like_json(text):
        return _read_json(text, contracts, folder, limits, numbered)
    return _read_csv(text, contracts, folder, limits, numbered, codebook)


def _read_csv(
    text: PlainText,
    contracts: Mapping[str, Contract],
    folder: Path,
    limits: Limits,
    numbered: bool,
    codebook: Codebook,
) -> Delivered:
    try:
        separator, line, header = delimited.find_header(
            text,
            lambda names: match(names, contracts.values(), "csv") is not None or _is_survey(names),
            limits.line,
        )
    except Refusal as refusal:
        if refusal.code != "no_header":
            raise
        raise _not_recognised(_first_lines(text, limits.line), contracts) from None
    found = match(header, contracts.values(), "csv")
    if found is None:
        from flows.core.reading import kobo, survey

        read_survey = kobo.read_kobo_csv if kobo.is_kobo_header(header) else survey.read_limesurvey_csv
        table = read_survey(text.path, separator, folder, codebook)
        return Delivered(_long_form(table, contracts["survey_answers"]), table, text.encoding)
    check_header(header, found, line)
    table = delimited.as_table(text, folder, separator, line, header, limits.line, numbered)
    return _recognised(found, table, header, text.encoding)


def _recognised(found: Match, table: TextTable, header: list[str], encoding: str) -> Delivered:
    return Delivered(found, replace(table, notes=(*table.notes, *left_out(header, found))), encoding)


def _is_survey(names: list[str]) -> bool:
    from flows.core.reading import kobo, survey

    return survey.is_limesurvey_header(names) or kobo.is_kobo_header(names)


def _read_json(
    text: PlainText, contracts: Mapping[str, Contract], folder: Path, limits: Limits, numbered: bool
) -> Delivered:
    first = json_lines.keys(text, limits.line)
    as_table = partial(json_lines.as_table, text, folder, first, limits.line)
    table = json_lines.with_all_names(as_table(numbered), limits.line)
    table = table or json_lines.with_all_names(as_table(True), limits.line)
    names = list(table.header)
    found = match(names, contracts.values(), "jsonl")
    if found is None:
        raise _not_recognised([names], contracts)
    check_header(first, found, 1)
    check_header(names, found, None)  # of a member that comes later nobody has kept the line
    return _recognised(found, table, names, text.encoding)


def _read_workbook(path: Path, contracts: Mapping[str, Contract], folder: Path, limits: Limits) -> Delivered:
    from flows.core.reading import etat_4001, further_sheets, kobo, workbook

    if etat_4001.is_etat_4001(path):
        table = etat_4001.read_etat_4001(path, folder)
        return Delivered(_long_form(table, contracts["etat_4001_services"]), table, "xlsx")
    if kobo.is_xlsform(path):
        table = kobo.read_xlsform(path, folder, limits.workbook)
        return Delivered(_long_form(table, contracts["survey_structure"]), table, "xlsx")
    candidates = [c for c in contracts.values() if "xlsx" in c.forms]
    recognised = partial(match, contracts=candidates, form="xlsx")
    table = workbook.read_sheet(
        path,
        folder,
        lambda names: _is_narrow(names) and recognised(names) is not None,
        limits.workbook,
        lambda rows, header: further_sheets.is_part(rows, header, recognised(list(header)), folder),
    )
    found = recognised(list(table.header))
    check_header(list(table.header), found, None)
    return _recognised(found, table, list(table.header), "xlsx")


def _is_narrow(names: list[str]) -> bool:
    return len(names) <= delimited.MAX_COLUMNS


def _read_parquet(path: Path, contracts: Mapping[str, Contract], folder: Path, limits: Limits) -> Delivered:
    import duckdb

    path = _plainly_named(path, folder / "table.parquet")
    try:
        with duckdb.connect() as con:
            described = con.execute(f"select * exclude (file_row_number) from {parquet_sql(path)} limit 0").description
            rows = con.execute(f"select sum(num_rows) from parquet_file_metadata({one_file(path)})").fetchone()[0] or 0
    except duckdb.Error as error:
        raise Refusal(
            "broken_parquet", "a complete parquet file", f"damaged data ({type(error).__name__})", "send it again"
        ) from None
    names = [column[0] for column in described]
    if not _is_narrow(names):
        raise delimited.too_many_columns(len(names), None)
    # a column of one value takes no room, however many rows there are; as text each field takes two bytes or more
    if 2 * rows * len(names) > limits.unpacked:
        raise too_large(limits.unpacked)
    found = match(names, contracts.values(), "parquet")
    if found is None:
        raise _not_recognised([names], contracts)
    check_header(names, found, None)
    return _recognised(found, TextTable("parquet", path, tuple(names), numbered=True), names, "parquet")


def _plainly_named(path: Path, link: Path) -> Path:
    """The file under a name of our own: DuckDB takes `*` for a pattern, and no name that is not UTF-8."""
    link.unlink(missing_ok=True)
    link.symlink_to(path.absolute())
    return link


def _read_xml(path: Path, contracts: Mapping[str, Contract], folder: Path) -> Delivered:
    from flows.core.reading import survey

    if not survey.is_lss(path):
        raise Refusal(
            "no_table", KNOWN_FORMS, "an XML file of another kind", "export the table itself and send that file"
        )
    table = survey.read_lss(path, folder)
    return Delivered(_long_form(table, contracts["survey_structure"]), table, "xml")


def _long_form(table: TextTable, contract: Contract) -> Match:
    found = match(list(table.header), [contract], contract.forms[0])
    if found is None:
        raise AssertionError(f"the reader of {contract.name} does not write its contract's columns")
    return found


def _first_lines(text: PlainText, max_line: int) -> list[list[str]]:
    with text.path.open("rb") as file:
        lines = [file.readline(max_line) for _ in range(delimited.HEADER_WITHIN_LINES)]
    texts = [delimited.decoded(line).strip() for line in lines]
    # a plain split: what is no header need not be well-formed either
    return [max((text.split(mark) for mark in ";,\t|"), key=len)[: delimited.MAX_COLUMNS] for text in texts]


def _not_recognised(headers: list[list[str]], contracts: Mapping[str, Contract]) -> Refusal:
    near = nearest(headers, contracts)
    if near is None:
        fields = max((len(h) for h in headers), default=0)
        return Refusal(
            "not_recognised",
            "the header of a known kind of delivery",
            f"a first line with {fields} field(s), none of a known name",
            "check that the header line is there, separated by ; , or tab; the contracts in sql/0_sources name the columns",
            1,
        )
    contract, missing, line = near
    spellings = ", ".join(f"{m} (for example {contract.column(m).spellings[0]})" for m in missing)
    if not missing:
        return Refusal(
            "wrong_separator",
            f"fields of {contract.name} separated by ; , or tab",
            "its column names, separated otherwise or in a form that it does not come in",
            f"export it again as {' or '.join(contract.forms)}, separated by semicolons",
            line,
            {"contract": contract.name},
        )
    return Refusal(
        "not_recognised",
        f"the columns of a known kind of delivery; nearest is {contract.name}",
        f"a header without {spellings}",
        "add the missing columns, or correct their names",
        line,
        {"contract": contract.name, "missing": ", ".join(contract.column(m).spellings[0] for m in missing)},
    )
