"""The same rows give the same rows, in whatever form they come: encoding, separator, line ends, spelling, packing."""
# the tables of forms have one line for each
# ruff: noqa: E501

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from flows.core import admission
from flows.core.contracts import load_contracts
from flows.core.reading import json_lines as json_lines_reader
from flows.core.reading.tables import TextTable, quoted
from flows.core.reading.typed import scan_sql, tidied_select, typed_select, untidy_sql
from flows.settings import PROJECT

sys.path.insert(0, str(PROJECT / "tests" / "faults"))
from bad_files import BAD, LIMITS, write

SAMPLE = PROJECT / "data" / "raw"
PARIS = ZoneInfo("Europe/Paris")
NO_BREAK, NARROW, THIN = "\u00a0", "\u202f", "\u2009"

# -- interventions: times, decimals, counts, labels with accents ------------------------------------------------------

COLUMNS = (
    "id_intervention",
    "date_heure",
    "code_quartier",
    "service",
    "type_intervention",
    "origine",
    "duree_min",
    "nb_agents",
    "remarque",
)
ROWS = [
    ("INT-1", datetime(2025, 3, 10, 14, 5), "CF01", "Police municipale", "Tranquillité publique", "Appel", 1200.5, 2, "au pied de l'immeuble"),
    ("INT-2", datetime(2025, 7, 1, 0, 30), "QN06303I", "PN", "Contrôle", "Initiative", 0.25, 12, "Œuvre « d'été » à Saint-Jacques"),
    ("INT-3", datetime(2024, 10, 27, 2, 30), "", "Autre", "Patrouille", "", 45, 1, ""),
    ("INT-4", datetime(2025, 12, 31, 23, 59), "CF22", "pm", "Assistance", "Appel 17", 1440, 200, "3 personnes ; puis 2, ensuite 1"),
]  # fmt: skip
ACCEPTED = [
    ("INT-1", datetime(2025, 3, 10, 14, 5), "CF01", "police_municipale", "tranquillite", "call", 1200.5, 2),
    ("INT-2", datetime(2025, 7, 1, 0, 30), "QN06303I", "police_nationale", "controle", "own_initiative", 0.25, 12),
    ("INT-3", datetime(2024, 10, 27, 2, 30), None, "autre", "patrouille", None, 45.0, 1),
    ("INT-4", datetime(2025, 12, 31, 23, 59), "CF22", "police_municipale", "assistance", "call", 1440.0, 200),
]

Number = Callable[[float], str]
Moment = Callable[[datetime], str]


def plain(number: float) -> str:
    return f"{number:g}" if number != 1200.5 else "1200.5"


def with_comma(number: float) -> str:
    return plain(number).replace(".", ",")


def with_spaces(space: str) -> Number:
    return lambda number: f"{number:,.10g}".replace(",", space).replace(".", ",")


def with_exponent(number: float) -> str:
    return f"{number:.6e}".replace(".", ",")


def french(moment: datetime) -> str:
    return f"{moment:%d/%m/%Y %H:%M}"


def written(
    separator: str = ";",
    number: Number = with_comma,
    moment: Moment = french,
    columns: Iterable[str] = COLUMNS,
    quoting: int = csv.QUOTE_MINIMAL,
    end: str = "\n",
    rows: list[tuple] = ROWS,
) -> str:
    """The table as delimited text."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            [moment(v) if isinstance(v, datetime) else number(v) if isinstance(v, float | int) else v for v in row]
        )
    return target.getvalue()


def in_cp1252() -> bytes:
    return written().encode("cp1252")


def with_blank_lines() -> str:
    header, *rows = written().splitlines()
    return "\n".join(["", header, "", *(line for row in rows for line in (row, "", "  "))]) + "\n\n"


def with_trailing_separators(header: str, row: str) -> str:
    first, *rows = written().splitlines()
    return "\n".join([first + header, *(line + row for line in rows)]) + "\n"


def with_many_lines_in_a_field() -> str:
    return written(rows=[(*row[:-1], f'"{row[-1]}",\n\nsuite ; fin\r\n') for row in ROWS])


def with_mixed_line_ends() -> str:
    return "".join(
        line + end for line, end in zip(written().splitlines(), ("\r\n", "\n", "\r\n", "\n", "\r\n"), strict=True)
    )


def with_titles() -> str:
    return f"Extraction du 5 janvier 2026;;\nVille de Clermont-Ferrand\n\n{written()}"


def workbook(typed: bool) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Extraction"])
    sheet.append(COLUMNS)
    for row in ROWS:
        sheet.append(
            [french(v) if isinstance(v, datetime) else with_comma(v) if isinstance(v, float | int) else v for v in row]
            if not typed
            else row
        )
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def zoned(offset: bool) -> Moment:
    """ISO with the offset that Paris had, or in UTC with Z; the hour that comes twice is meant as the second one."""

    def write_moment(moment: datetime) -> str:
        local = moment.replace(tzinfo=PARIS, fold=1)
        return local.isoformat() if offset else f"{local.astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"

    return write_moment


FORMS: dict[str, tuple[str, Callable[[], bytes | str]]] = {
    "utf8": ("a.csv", written),
    "utf8_with_mark": ("a.csv", lambda: written().encode("utf-8-sig")),
    "cp1252": ("a.csv", in_cp1252),
    "utf16_little": ("a.csv", lambda: b"\xff\xfe" + written().encode("utf-16-le")),
    "utf16_big": ("a.csv", lambda: b"\xfe\xff" + written().encode("utf-16-be")),
    "utf16_little_without_mark": ("a.csv", lambda: written().encode("utf-16-le")),
    "utf16_big_without_mark": ("a.csv", lambda: written().encode("utf-16-be")),
    "commas": ("a.csv", lambda: written(",")),
    "tabs": ("a.tsv", lambda: written("\t")),
    "crlf": ("a.csv", lambda: written(end="\r\n")),
    "cr": ("a.csv", lambda: written(end="\r")),
    "cr_in_utf16": ("a.csv", lambda: written(end="\r").encode("utf-16")),
    "cr_without_last_end": ("a.csv", lambda: written(end="\r", rows=ROWS).rstrip("\r")),
    "mixed_line_ends": ("a.csv", with_mixed_line_ends),
    "without_last_line_end": ("a.csv", lambda: written().rstrip("\n")),
    "all_in_quotes": ("a.csv", lambda: written(quoting=csv.QUOTE_ALL)),
    "many_lines_in_a_field": ("a.csv", with_many_lines_in_a_field),
    "many_lines_in_a_field_crlf": ("a.csv", lambda: written(end="\r\n", rows=[(*row[:-1], "a\r\nb") for row in ROWS])),
    "blank_lines": ("a.csv", with_blank_lines),
    "empty_rows_below": ("a.csv", lambda: written() + ";;;;;;;;\n" * 3),
    "separators_behind_all": ("a.csv", lambda: with_trailing_separators(";;", ";;")),
    "separators_behind_rows": ("a.csv", lambda: with_trailing_separators("", ";;;")),
    "separator_behind_header": ("a.csv", lambda: with_trailing_separators(";", "")),
    "titles_above": ("a.csv", with_titles),
    "told_by_excel": ("a.csv", lambda: "sep=;\n" + written()),
    "gzip": ("a.csv.gz", lambda: gzip.compress(written().encode("utf-8-sig"))),
    "gzip_of_cp1252": ("a.csv.gz", lambda: gzip.compress(in_cp1252())),
    "gzip_in_parts": ("a.csv.gz", lambda: b"".join(gzip.compress(part.encode()) for part in written().splitlines(keepends=True))),
    "another_name": ("notes.txt", written),
    "workbook_of_values": ("a.xlsx", lambda: workbook(typed=True)),
    "workbook_of_texts": ("a.xlsx", lambda: workbook(typed=False)),
    "decimal_point": ("a.csv", lambda: written(number=plain)),
    "grouped_with_spaces": ("a.csv", lambda: written(number=with_spaces(" "))),
    "grouped_with_no_break_spaces": ("a.csv", lambda: written(number=with_spaces(NO_BREAK))),
    "grouped_with_narrow_spaces": ("a.csv", lambda: written(number=with_spaces(NARROW))),
    "grouped_with_thin_spaces": ("a.csv", lambda: written(number=with_spaces(THIN))),
    "exponents": ("a.csv", lambda: written(number=with_exponent)),
    "spaces_around": ("a.csv", lambda: written(number=lambda n: f" {with_comma(n)}{NO_BREAK}", moment=lambda m: f"{NO_BREAK}{french(m)} ")),
    "french_with_seconds": ("a.csv", lambda: written(moment=lambda m: f"{m:%d/%m/%Y %H:%M:%S}")),
    "french_short_year": ("a.csv", lambda: written(moment=lambda m: f"{m:%d/%m/%y %H:%M}")),
    "french_in_words": ("a.csv", lambda: written(moment=lambda m: f"{m:%d/%m/%Y à %Hh%M}")),
    "french_with_h": ("a.csv", lambda: written(moment=lambda m: f"{m:%d/%m/%Y %Hh%M}")),
    "french_with_dashes": ("a.csv", lambda: written(moment=lambda m: f"{m:%d-%m-%Y %H:%M}")),
    "iso": ("a.csv", lambda: written(moment=lambda m: m.isoformat())),
    "iso_with_a_space": ("a.csv", lambda: written(moment=lambda m: f"{m:%Y-%m-%d %H:%M}")),
    "iso_in_utc": ("a.csv", lambda: written(moment=zoned(offset=False))),
    "iso_with_offset": ("a.csv", lambda: written(moment=zoned(offset=True))),
    "spellings": ("a.csv", lambda: written(columns=("NO INTERVENTION", "DÉBUT", "Quartier", "service", "Motif", "Origine", "Durée (min)", "Nb agents", "x"))),
    "columns_in_another_order": ("a.csv", lambda: "\n".join(";".join(reversed(next(csv.reader([line], delimiter=";")))) for line in written(rows=[(*r[:-1], "") for r in ROWS]).splitlines())),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form, admit) -> None:
    name, make = FORMS[form]
    admitted = admit(name, make())
    assert admitted.verdict.is_admitted, admitted.verdict.refusal
    assert admitted.accepted == ACCEPTED
    assert admitted.quarantined == []


@pytest.mark.parametrize("form", [form for form, (name, _) in FORMS.items() if not name.endswith("xlsx")])
def test_both_readings_of_every_form_agree(form, reading, tmp_path) -> None:
    name, make = FORMS[form]
    content = make()
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    fast, numbered = reading(path, with_numbers=False), reading(path, with_numbers=True)
    assert numbered.good == ACCEPTED
    assert not fast.is_enough or fast == numbered


def test_the_fast_reading_is_enough_for_what_publishers_send(reading, tmp_path) -> None:
    """Else it would be no fast reading: clean files must not be read twice."""
    for form in (
        "utf8",
        "utf8_with_mark",
        "cp1252",
        "utf16_little",
        "tabs",
        "crlf",
        "gzip",
        "all_in_quotes",
        "decimal_point",
    ):
        name, make = FORMS[form]
        content = make()
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        assert reading(tmp_path / name, with_numbers=False).good == ACCEPTED, form


# -- JSON lines -------------------------------------------------------------------------------------------------------

MEASURES = [
    {"plateforme": "Facebook", "semaine_du": "2025-11-17", "code_zone": "CF01", "version_message": "V1", "indicateur": "Portée unique", "valeur": 2400},
    {"plateforme": "Mobilier urbain", "semaine_du": "2025-11-24", "code_zone": None, "version_message": None, "indicateur": "Jours panneau", "valeur": 17.5},
]  # fmt: skip
MEASURED = [
    ("facebook", date(2025, 11, 17), "CF01", "V1", "unique_reach", 2400.0),
    ("street_furniture", date(2025, 11, 24), None, None, "panel_days", 17.5),
]


def json_lines(rows: list[dict] = MEASURES, end: str = "\n", **options: object) -> str:
    return "".join(json.dumps(row, **options) + end for row in rows)


JSON_FORMS: dict[str, tuple[str, Callable[[], bytes | str]]] = {
    "letters": ("a.jsonl", lambda: json_lines(ensure_ascii=False)),
    "escapes": ("a.jsonl", json_lines),
    "crlf": ("a.jsonl", lambda: json_lines(end="\r\n")),
    "mark": ("a.jsonl", lambda: json_lines(ensure_ascii=False).encode("utf-8-sig")),
    "utf16": ("a.jsonl", lambda: json_lines(ensure_ascii=False).encode("utf-16")),
    "cp1252": ("a.jsonl", lambda: json_lines(ensure_ascii=False).encode("cp1252")),
    "gzip": ("a.jsonl.gz", lambda: gzip.compress(json_lines().encode())),
    "blank_lines": ("a.jsonl", lambda: "\n\n" + json_lines(end="\n\n")),
    "without_last_line_end": ("a.jsonl", lambda: json_lines().rstrip("\n")),
    "no_nulls": ("a.jsonl", lambda: json_lines([{k: v for k, v in row.items() if v is not None} for row in MEASURES])),
    "empty_texts": ("a.jsonl", lambda: json_lines([{k: "" if v is None else v for k, v in row.items()} for row in MEASURES])),
    "numbers_as_texts": ("a.jsonl", lambda: json_lines([{**row, "valeur": f"{row['valeur']}".replace(".", ",")} for row in MEASURES])),
    "another_order": ("a.jsonl", lambda: json_lines([MEASURES[0], dict(reversed(MEASURES[1].items()))])),
    "sorted": ("a.jsonl", lambda: json_lines(sort_keys=True)),
    "narrow": ("a.jsonl", lambda: json_lines(separators=(",", ":"))),
    "spellings": ("a.json", lambda: json_lines().replace("semaine_du", "Semaine").replace("valeur", "Valeur")),
    "further_members": ("a.jsonl", lambda: json_lines([{**row, "x": {"y": [1, {"z": None}]}} for row in MEASURES])),
    "as_csv": ("a.csv", lambda: ";".join(MEASURES[0]) + "\n" + "".join(";".join("" if v is None else str(v) for v in row.values()) + "\n" for row in MEASURES)),
}  # fmt: skip


@pytest.mark.parametrize("form", JSON_FORMS)
def test_every_form_of_json_lines_gives_the_same_rows(form, admit, reading, tmp_path) -> None:
    name, make = JSON_FORMS[form]
    content = make()
    admitted = admit(name, content)
    assert admitted.verdict.is_admitted, admitted.verdict.refusal
    assert admitted.accepted == MEASURED
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    fast, numbered = reading(path, with_numbers=False), reading(path, with_numbers=True)
    assert numbered.good == MEASURED
    assert not fast.is_enough or fast == numbered


READINGS = {"fast": 0, "numbered": 1 << 30}


EVENT = {"id_partenaire": "P001", "date": "2026-03-01", "action": "workshop", "zone": "CF01", "public_touche": 20}
LATE = {**EVENT, "id_action": "LATE", "en_difficulte": 7, "orientations_proposees": 3}


def short_lines(late: str, odd: str = "") -> str:
    """More lines than are looked into first, without the counts of difficulties; then one more with the text `late`."""
    days = [f"2026-{1 + i % 3:02}-{1 + i % 28:02}" for i in range(json_lines_reader.SAMPLED_LINES + 10)]
    rows = [{**EVENT, "id_action": f"A{i}", "date": day, "public_touche": i % 397} for i, day in enumerate(days)]
    return json_lines(rows) + odd + late + "\n"


@pytest.mark.parametrize(
    "odd", ["", "no json\n", '\r{"x":\r1}\n'], ids=["clean", "with_a_bad_line", "with_a_stray_line_end"]
)
@pytest.mark.parametrize("below", READINGS.values(), ids=READINGS)
def test_a_member_that_first_comes_late_is_read(admit, below, odd) -> None:
    admitted = admit("late.jsonl", short_lines(json.dumps(LATE), odd), numbered_below_bytes=below)
    assert admitted.verdict.is_admitted, admitted.verdict.refusal
    assert [row for row in admitted.accepted if "LATE" in row and 7 in row and 3 in row]


@pytest.mark.parametrize("below", READINGS.values(), ids=READINGS)
def test_a_member_that_names_people_is_found_however_late_it_comes(admit, below) -> None:
    late = json.dumps({**LATE, "nom": "SECRET"})
    refusal = admit("late.jsonl", short_lines(late), numbered_below_bytes=below).verdict.refusal
    assert (refusal["code"], refusal["line"]) == ("personal_data", None)
    assert "SECRET" not in str(refusal)


def test_members_of_all_lines_together_can_be_too_many(admit) -> None:
    names = [f"m{i}" for i in range(5001)]
    late = "\n".join(json.dumps(dict.fromkeys(names[part::2])) for part in range(2))
    assert admit("many.jsonl", short_lines(late)).verdict.refusal["code"] == "too_many_columns"


# -- the bases of the SSMSI -------------------------------------------------------------------------------------------

LABELS = ("Usage de stupéfiants", "Mis en cause")
COMMUNES = [
    # territory, year, count, rate, status, population, its year, dwellings, its year, complement count and rate
    ("63113", 2024, 1642, 11.2196022, "diff", 146351, 2021, 93394.5, 2021, None, None),
    ("01001", 2023, None, None, "ndiff", 801, 2021, 340.0, 2021, 1.75, 0.0078),
    ("2A004", 2024, 0, None, "diff", 0, 2021, None, None, None, None),
]
DEPARTEMENTS = [
    ("63", "84", 2024, 1642, 2.4714586, 664385, 2024, 394760.48, 2021),
    ("01", "84", 2016, 5, 0.0078318, 638425, 2016, 308491.16, 2016),
    ("2A", "94", 2020, 7, 0.0441621, 158507, 2020, None, None),
    ("971", "01", 2021, 32, 0.0811956, 394110, 2021, 226105.05, 2021),
]
REGIONS = [(row[1], *row[2:]) for row in DEPARTEMENTS if row[0] != "01"]

ANNOUNCED_2023 = "{place};annee;classe;unité.de.compte;{status}faits;tauxpourmille;{complement}POP;millPOP;LOG;millLOG"
ANNOUNCED_2025 = (
    "{place};annee;indicateur;unite_de_compte;nombre;taux_pour_mille;{status}insee_pop;insee_pop_millesime;"
    "insee_log;insee_log_millesime{complement_behind}"
)


def number(value: float | None, style: str) -> str:
    """A number as an edition writes it: `comma`, `point` or `exponent` (a comma, and an exponent where R writes one)."""
    if value is None:
        return "NA"
    if isinstance(value, int):
        return str(value)
    text = f"{value:e}" if style == "exponent" and value < 0.1 else repr(value)
    return text if style == "point" else text.replace(".", ",")


def base(
    family: str, kind: str, style: str, lost_zeros: bool, short_years: bool, place: str = "CODGEO_2025"
) -> list[list[str]]:
    """An edition as rows of texts, its header first. `family` is 2023 or 2025, `kind` communal, departemental or regional."""
    is_communal, is_old = kind == "communal", family == "2023"
    places = {
        "communal": place,
        "departemental": "Code.département;Code.région" if is_old else "Code_departement;Code_region",
        "regional": "Code.région" if is_old else "Code_region",
    }
    complement = "complementinfoval;complementinfotaux;" if is_communal else ""
    header = (ANNOUNCED_2023 if is_old else ANNOUNCED_2025).format(
        place=places[kind],
        status=("valeur.publiée;" if is_old else "est_diffuse;") if is_communal else "",
        complement=complement,
        complement_behind=";complement_info_nombre;complement_info_taux" if is_communal else "",
    )

    def code(text: str) -> str:
        return text.lstrip("0") if lost_zeros else text

    def year(value: int | None) -> str:
        return "NA" if value is None else f"{value % 100:02}" if short_years else str(value)

    rows = [header.split(";")]
    for row in {"communal": COMMUNES, "departemental": DEPARTEMENTS, "regional": REGIONS}[kind]:
        codes = 2 if kind == "departemental" else 1
        status = [row[4]] if is_communal else []
        when, count, rate, *rest = row[codes : codes + 3] + row[codes + 3 + len(status) :]
        people, people_year, homes, homes_year, *mean = rest
        figures = [number(count, style), number(rate, style)]
        means = [number(value, style) for value in mean]
        measured = [number(people, style), year(people_year), number(homes, style), year(homes_year)]
        middle = [*status, *figures, *means] if is_old else [*figures, *status]
        rows.append([*map(code, row[:codes]), year(when), *LABELS, *middle, *measured, *([] if is_old else means)])
    return rows


def expected(kind: str) -> list[tuple]:
    rows = {"communal": COMMUNES, "departemental": DEPARTEMENTS, "regional": REGIONS}[kind]
    codes = 2 if kind == "departemental" else 1
    return [(*row[: codes + 1], *LABELS, *row[codes + 1 :]) for row in rows]


def as_text(rows: list[list[str]], quote_texts: bool = True, end: str = "\n") -> str:
    """As R writes it: texts and codes in quotes, NA without."""
    return "".join(";".join(f'"{t}"' if quote_texts and t != "NA" else t for t in row) + end for row in rows)


def as_parquet(rows: list[list[str]], kind: str) -> bytes:
    """The edition with true types: integers and doubles, texts for codes; a missing double is NaN, as pandas writes it."""
    header, *lines = rows
    with duckdb.connect() as con, tempfile.TemporaryDirectory() as folder:
        names = [f'"{name}"' for name in header]
        con.execute(f"create table t ({', '.join(f'{n} varchar' for n in names)})")
        con.executemany(
            f"insert into t values ({', '.join('?' * len(names))})",
            [[None if v == "NA" else v for v in r] for r in lines],
        )
        whole = re.compile(r"annee|faits|nombre|.*pop.*|.*mill.*", re.IGNORECASE)
        real = re.compile(r"taux.*|.*log|complement.*", re.IGNORECASE)
        columns = [
            f"coalesce(try_cast(replace({n}, ',', '.') as double), 'nan'::double) as {n}" if real.fullmatch(h)
            else f"try_cast({n} as integer) as {n}" if whole.fullmatch(h) else n
            for n, h in zip(names, header, strict=True)
        ]  # fmt: skip
        target = Path(folder) / "base.parquet"
        con.execute(f"copy (select {', '.join(columns)} from t) to {quoted(target)} (format parquet)")
        return target.read_bytes()


def renamed(rows: list[list[str]], change: Callable[[str], str]) -> list[list[str]]:
    return [[change(name) for name in rows[0]], *rows[1:]]


def underscored(name: str) -> str:
    return name.replace(".", "_").replace("é", "e")


EDITIONS = [
    ("2023-07", "2023", "exponent", False, True, lambda rows: as_text(rows, quote_texts=False).encode("utf-8-sig")),
    ("2023-07-quoted", "2023", "comma", False, True, as_text),
    ("2023-07-dotless", "2023", "comma", False, True, lambda rows: as_text(renamed(rows, underscored))),
    ("2024-01-lower", "2023", "comma", False, False, lambda rows: as_text(renamed(rows, str.lower), end="\r\n")),
    ("2024-07-gzip", "2023", "exponent", False, True, lambda rows: gzip.compress(as_text(rows).encode("utf-8-sig"))),
    ("2024-07-cp1252", "2023", "comma", False, True, lambda rows: as_text(rows).encode("cp1252")),
    ("2025-01", "2025", "comma", False, False, lambda rows: as_text(rows).encode("utf-8-sig")),
    ("2025-07-gzip", "2025", "exponent", False, False, lambda rows: gzip.compress(as_text(rows).encode())),
    ("2026-02-upper", "2025", "comma", False, False, lambda rows: as_text(renamed(rows, str.upper))),
    ("2026-06-points", "2025", "point", False, False, lambda rows: as_text(rows, quote_texts=False)),
    ("2026-06-commas", "2025", "point", False, False, lambda rows: as_text(rows, quote_texts=False).replace(";", ",")),
    ("2026-06-opened-in-excel", "2025", "comma", True, False, lambda rows: as_text(rows, quote_texts=False, end="\r\n").encode("cp1252")),
    ("2023-07-opened-in-excel", "2023", "comma", True, True, lambda rows: as_text(rows, quote_texts=False, end="\r\n").encode("cp1252")),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["communal", "departemental", "regional"])
@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition[0])
def test_every_edition_of_a_base_gives_the_same_rows(edition, kind, admit, reading, tmp_path) -> None:
    name, family, style, lost_zeros, short_years, render = edition
    content = render(base(family, kind, style, lost_zeros, short_years))
    file_name = "base.csv.gz" if "gzip" in name else "base.csv"
    admitted = admit(file_name, content)
    assert admitted.verdict.contract == f"ssmsi_{kind}", admitted.verdict.refusal
    assert admitted.accepted == expected(kind)
    path = tmp_path / file_name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    fast = reading(path, with_numbers=False)
    assert fast.is_enough and fast.good == expected(kind)


@pytest.mark.parametrize("kind", ["communal", "departemental", "regional"])
@pytest.mark.parametrize("family", ["2023", "2025"])
def test_a_base_as_parquet_gives_the_same_rows(family, kind, admit) -> None:
    admitted = admit("base.parquet", as_parquet(base(family, kind, "comma", False, False), kind))
    assert admitted.verdict.contract == f"ssmsi_{kind}", admitted.verdict.refusal
    assert admitted.accepted == expected(kind)


@pytest.mark.parametrize(
    "place", ["CODGEO_2022", "CODGEO_2023", "CODGEO_2024", "codgeo_2025", "CODGEO_2026", "CODGEO", "CODGEO2031"]
)
def test_the_year_of_the_geography_does_not_matter(place, reading, tmp_path) -> None:
    (tmp_path / "base.csv").write_text(as_text(base("2025", "communal", "comma", False, False, place)))
    assert reading(tmp_path / "base.csv", with_numbers=True).good == expected("communal")


# -- both readings of all other files ---------------------------------------------------------------------------------

SAMPLE_FILES = sorted(p for p in SAMPLE.rglob("*") if p.is_file() and p.name.endswith((".csv", ".csv.gz", ".jsonl")))
LIMIT = {"max_unpacked_bytes": int(LIMITS["BAROMETER_MAX_UNPACKED_BYTES"])}


@pytest.mark.parametrize("path", SAMPLE_FILES, ids=lambda path: path.name)
def test_both_readings_of_the_sample_agree(path, reading) -> None:
    fast, numbered = reading(path, with_numbers=False), reading(path, with_numbers=True)
    assert numbered.refused is None
    assert not fast.is_enough or fast == numbered


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.content is not None], ids=lambda bad: bad.id)
def test_both_readings_of_bad_files_agree(bad, reading, tmp_path) -> None:
    path = write(bad, tmp_path / "bad")
    fast, numbered = reading(path, with_numbers=False, **LIMIT), reading(path, with_numbers=True, **LIMIT)
    assert not fast.is_enough or fast == numbered


LETTERS = st.sampled_from(
    [
        *" \t\u00a0\u202f\u2009\ufeffaÉ07-",
        "63113",
        "2A",
        "NA",
        "nd",
        "Police nationale",
        "police_municipale",
        "PM",
        "diff",
    ]
)
FIELDS = st.lists(st.lists(LETTERS, max_size=4).map("".join), min_size=1, max_size=2)
RAW = {
    "police_incidents": ("incident_id", "service"),
    "ssmsi_communal": ("territory_code", "indicator_label", "publication_status"),
}


@settings(max_examples=60, deadline=None)
@given(FIELDS)
@example(["63113", "7"])
@example(["a", "NA"])
@example(["diff", "PM"])
@example(["police_municipale", ""])
def test_texts_that_are_called_tidy_are_and_others_become_so(fields) -> None:
    """Of a large table texts are written as delivered, and once more only where one of them is to be another."""
    table = TextTable("csv", Path("none"), ("f",), numbered=False)
    scan = "select field as f0 from given order by position"
    CON.execute(
        "create or replace temp table given as select unnest(range(len($1))) as position, unnest($1) as field", [fields]
    )
    for contract, column in (
        (load_contracts(PROJECT / "sql" / "0_sources")[name], c) for name, cs in RAW.items() for c in cs
    ):
        wanted = CON.execute(typed_select(contract, table, {column: 0}, scan)).fetchall()
        raw = typed_select(contract, table, {column: 0}, scan, are_texts_raw=True)
        CON.execute(f"create or replace temp table raw as {raw}")
        is_untidy = CON.execute(untidy_sql(contract, "raw")).fetchone()[0]
        assert CON.execute(tidied_select(contract, "raw")).fetchall() == wanted
        assert is_untidy or CON.execute("from raw").fetchall() == wanted


@pytest.mark.parametrize("label", ["Police nationale", " police_nationale", "police_nationale"])
def test_a_large_table_is_written_once_more_only_where_its_texts_are_not_tidy(
    label, reading, tmp_path, monkeypatch
) -> None:
    path, tidied = tmp_path / "incidents.csv", []
    header = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service"
    path.write_text(f"{header}\nI-1;2025-03-10 14:05;CF01;rixe;Non;R1;{label}\n", encoding="utf-8")
    select = admission.tidied_select
    monkeypatch.setattr(admission, "tidied_select", lambda *given: tidied.append(1) or select(*given))
    fast = reading(path, with_numbers=False)
    assert fast.is_enough and "police_nationale" in fast.good[0]
    assert bool(tidied) == (label != "police_nationale")
    assert fast == reading(path, with_numbers=True)


# -- numbers and dates, one by one ------------------------------------------------------------------------------------

SPACES = (" ", NO_BREAK, NARROW, THIN)
A_CONTRACT = {
    "number": ("channel_metrics", "value"),
    "integer": ("police_interventions", "agent_count"),
    "date": ("police_cases", "fact_on"),
    "timestamp": ("police_incidents", "occurred_at"),
    "year": ("populations", "year"),
    "boolean": ("police_incidents", "is_trafficking_linked"),
}
CON = duckdb.connect(config={"threads": 1})
CON.execute("set timezone = 'UTC'")


def typed(kind: str, texts: list[str]) -> list[tuple]:
    """(value, whether the text could not be read) for each text, read as a column of that kind."""
    contract_name, column = A_CONTRACT[kind]
    contract = load_contracts(PROJECT / "sql" / "0_sources")[contract_name]
    table = TextTable("csv", Path("none"), ("f",), numbered=True)
    select = typed_select(contract, table, {column: 0}, "select position as _line, field as f0 from delivered")
    CON.execute(
        "create or replace temp table delivered as select unnest(range(len($1))) as position, unnest($1) as field",
        [texts],
    )
    return CON.execute(f"select {column}, _unreadable is not null from ({select}) order by _line").fetchall()


def one(kind: str, text: str) -> object:
    ((value, is_unreadable),) = typed(kind, [text])
    return "unreadable" if is_unreadable else value


MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
spaces = st.sampled_from(SPACES)
around = st.sampled_from(["", *SPACES, "  "])


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[float, str]:
    """A number with two decimals, in one of the ways that French administrations and statisticians write it."""
    cents = draw(st.integers(-(10**11), 10**11))
    value = cents / 100
    style = draw(st.sampled_from(["comma", "point", "grouped", "exponent", "plus"]))
    text = f"{value:.2f}"
    if style == "grouped":
        text = f"{value:,.2f}".replace(",", draw(spaces))
    elif style == "exponent":
        text = f"{value:.15e}"
    elif style == "plus" and value >= 0:
        text = f"+{value:.2f}"
    text = text if style == "point" else text.replace(".", ",")
    return value, draw(around) + text + draw(around)


@MANY
@given(st.lists(written_numbers(), min_size=1, max_size=20))
def test_a_written_number_reads_back_as_itself(pairs) -> None:
    results = typed("number", [text for _, text in pairs])
    assert results == [(value, False) for value, _ in pairs]


@MANY
@given(st.lists(st.tuples(st.integers(0, 10**9), spaces), min_size=1, max_size=20))
def test_a_written_count_reads_back_as_itself(pairs) -> None:
    texts = [f"{value:,}".replace(",", space) for value, space in pairs]
    assert typed("integer", texts) == [(value, False) for value, _ in pairs]


IS_NUMBER = re.compile(
    rf"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?|[+-]?[0-9]{{1,3}}([{''.join(SPACES)}][0-9]{{3}})+([.,][0-9]+)?"
)
NEARLY = "0123456789" * 3 + ",.  +-eE_%x" + "".join(SPACES) + "٣５²½'’"


@MANY
@example("1.234,5").via("two marks")
@example("12 5").via("a group of one")
@example("1e400").via("beyond all numbers")
@example("nan").via("a word of DuckDB")
@example("1_000").via("a form of DuckDB")
@example("=1+1").via("a formula")
@example("1 234 5").via("a short group")
@example("12 345 678,").via("a mark and nothing")
@given(st.text(st.sampled_from(NEARLY), min_size=1, max_size=12))
def test_a_text_that_is_no_number_never_becomes_one(text) -> None:
    bare = text.strip(" \t\r\n\ufeff" + "".join(SPACES))
    assume(bare)
    value = one("number", text)
    if IS_NUMBER.fullmatch(bare) is None:
        assert value == "unreadable"
    else:
        number_of = float(re.sub(f"[{''.join(SPACES)}]", "", bare).replace(",", "."))
        may_be_either = re.search(r"(^|[^0-9])[.,]|[.,]($|[^0-9])", bare)  # `5.` and `,5`
        expected_values = ("unreadable",) if abs(number_of) == float("inf") else (number_of,)
        assert value in expected_values or (may_be_either and value == "unreadable")


@MANY
@given(st.text(min_size=1, max_size=8))
def test_any_text_is_a_number_that_is_written_or_none(text) -> None:
    assume("\0" not in text and text.isprintable())
    bare = text.strip(" \t\r\n\ufeff" + "".join(SPACES))
    assume(bare)
    if IS_NUMBER.fullmatch(bare) is None:
        assert one("number", text) == "unreadable"


@pytest.mark.parametrize("text", ["2,5", "-0,5", "1e-3", "9e15", "1e20", "٣", "deux", "1 000 000 000 000 000 000"])
def test_what_is_no_whole_number_is_no_count(text) -> None:
    assert one("integer", text) == "unreadable"


@pytest.mark.parametrize(
    "text", ["2.000", "1,000", "147.000", "-15.000", " 12,000 ", "1.234.567", "1,000,000", "2.125"]
)
def test_thousands_or_decimals_nobody_can_tell_is_no_count(text) -> None:
    assert one("integer", text) == "unreadable"


@pytest.mark.parametrize(
    ("text", "value"),
    [("2.0", 2), ("2,00", 2), ("2400", 2400), ("2 400", 2400), ("2 400,000", 2400), ("1e3", 1000), ("2.0000", 2)],
)
def test_what_can_be_one_count_only_is_read_as_before(text, value) -> None:
    assert one("integer", text) == value


@pytest.mark.parametrize(("text", "value"), [("0,125", 0.125), ("19.500", 19.5), ("2.125", 2.125)])
def test_where_decimals_belong_three_of_them_are_decimals(text, value) -> None:
    assert one("number", text) == value


def test_a_parquet_column_with_three_decimals_holds_whole_numbers(tmp_path) -> None:
    duckdb.sql("select 'CF01' as code_zone, 2021 as annee, cast(147 as decimal(9, 3)) as population").write_parquet(
        str(tmp_path / "p.parquet")
    )
    contract = load_contracts(PROJECT / "sql" / "0_sources")["populations"]
    table = TextTable("parquet", tmp_path / "p.parquet", ("code_zone", "annee", "population"), numbered=True)
    positions = {"zone_code": 0, "year": 1, "resident_count": 2}
    typed_rows = typed_select(contract, table, positions, scan_sql(contract, table, positions, 1 << 20))
    assert duckdb.sql(f"select resident_count, _unreadable from ({typed_rows})").fetchall() == [(147, None)]


DATE_STYLES = ("%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d")
TIME_STYLES = (
    "%d/%m/%Y %H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %Hh%M",
    "%d/%m/%Y à %Hh%M",
    "%d-%m-%Y %H:%M",
)
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@MANY
@given(st.lists(st.tuples(days, st.sampled_from(DATE_STYLES), around, around), min_size=1, max_size=20))
def test_a_written_date_reads_back_as_itself(written_days) -> None:
    texts = [before + day.strftime(style) + behind for day, style, before, behind in written_days]
    assert typed("date", texts) == [(day, False) for day, *_ in written_days]


@MANY
@given(st.lists(st.dates(date(2000, 1, 1), date(2060, 12, 31)), min_size=1, max_size=20))
def test_a_date_with_a_short_year_is_of_this_century(written_days) -> None:
    assert typed("date", [f"{day:%d/%m/%y}" for day in written_days]) == [(day, False) for day in written_days]


@MANY
@given(
    st.lists(
        st.tuples(st.datetimes(datetime(1990, 1, 1), datetime(2060, 12, 31)), st.sampled_from(TIME_STYLES)),
        min_size=1,
        max_size=20,
    )
)
def test_a_written_local_time_reads_back_as_itself_unless_summer_time_skips_it(pairs) -> None:
    moments = [moment.replace(second=0, microsecond=0) for moment, _ in pairs]
    texts = [moment.strftime(style) for moment, (_, style) in zip(moments, pairs, strict=True)]
    assert typed("timestamp", texts) == [(m, False) if exists(m) else (None, True) for m in moments]


def exists(moment: datetime) -> bool:
    there_and_back = moment.replace(tzinfo=PARIS).astimezone(ZoneInfo("UTC")).astimezone(PARIS)
    return there_and_back.replace(tzinfo=None) == moment


@MANY
@given(
    st.lists(
        st.tuples(st.datetimes(datetime(1990, 1, 1), datetime(2060, 12, 31)), st.integers(-12, 14)),
        min_size=1,
        max_size=20,
    )
)
def test_a_time_with_its_offset_becomes_local_time(pairs) -> None:
    moments = [moment.replace(microsecond=0) for moment, _ in pairs]
    texts = [f"{moment.isoformat()}{hours:+03}:00" for moment, (_, hours) in zip(moments, pairs, strict=True)]
    local = [
        (moment - timedelta(hours=hours)).replace(tzinfo=ZoneInfo("UTC")).astimezone(PARIS).replace(tzinfo=None)
        for moment, (_, hours) in zip(moments, pairs, strict=True)
    ]
    assert typed("timestamp", texts) == [(moment, False) for moment in local]


@MANY
@given(st.text(st.sampled_from("0123456789" * 2 + "//--.: T"), min_size=1, max_size=12))
def test_what_becomes_a_date_was_written_as_that_date(text) -> None:
    assume(text.strip())
    value = one("date", text)
    if value != "unreadable":
        written_parts = sorted(int(part) for part in re.findall("[0-9]+", text))[:3]
        year = value.year if value.year in map(int, re.findall("[0-9]+", text)) else value.year % 100
        parts = sorted(map(int, re.findall("[0-9]+", text)))
        assert all(part in parts for part in (value.day, value.month, year)), (text, value, written_parts)


@pytest.mark.parametrize(
    "text",
    [
        "29/02/2023",
        "31/04/2025",
        "00/01/2025",
        "13/13/2025",
        "2025-13-01",
        "32/01/2025",
        "45292",
        "hier",
        "1er mars 2025",
        "2025",
        "03/2025",
        "31/12/20255",
        "infinity",
        "epoch",
        "today",
        "12345-01-01",
        "-12345-01-01",
        "0044-03-15 (BC)",
        "2025-02-30",
    ],
)
def test_what_is_no_day_is_no_date(text) -> None:
    assert one("date", text) == "unreadable"
    assert one("timestamp", text) == "unreadable"


@pytest.mark.parametrize(
    ("text", "value"),
    [("Oui", True), ("NON", False), ("vrai", True), ("0", False), (" x ", True), (f"oui{NO_BREAK}", True)],
)
def test_yes_and_no(text, value) -> None:
    assert one("boolean", text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16", 2016),
        ("2016", 2016),
        ("2016,0", 2016),
        ("00", 2000),
        ("116", "unreadable"),
        ("20161", "unreadable"),
        ("2016,5", "unreadable"),
        ("-16", "unreadable"),
        ("nan", "unreadable"),
    ],
)
def test_years(text, value) -> None:
    assert one("year", text) == value


def test_a_gzip_bomb_is_found_long_before_it_fills_the_disk(tmp_path, monkeypatch) -> None:
    import gzip

    from flows.core.errors import Refusal
    from flows.core.reading import unpack

    monkeypatch.setattr(unpack, "BOMB_FROM", 1024 * 1024)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"0;" * (16 * 1024 * 1024)))
    with pytest.raises(Refusal) as refused:
        unpack.to_plain_text(bomb, tmp_path / "work" / "plain.txt", "gzip", 8 * 1024**3)
    assert refused.value.code == "gzip_bomb"
    assert (tmp_path / "work" / "plain.unpacked").stat().st_size < 12 * 1024 * 1024
