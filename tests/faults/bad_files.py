"""A folder of bad files: how each is made, and what must become of it.

Every file holds SECRET texts, in columns that no contract stages, in rows that are sent to quarantine, or in files that
are refused as a whole. None of them may be seen outside the raw folder and the restricted quarantine folder.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1024 * 1024
LIMITS = {"BAROMETER_MAX_UNPACKED_BYTES": str(24 * MEGABYTE), "BAROMETER_MAX_WORKBOOK_BYTES": str(8 * MEGABYTE)}
"""Small limits, so that a bomb need not be large."""


def secret(what: object) -> str:
    """A text that must never be seen outside the raw and the quarantine folder."""
    return f"SECRET-canari-{what}"


MAIL, PHONE, ADDRESS = "secret.canari@exemple.fr", "06 98 76 54 32", "203.0.113.77"
SECRETS = (secret(""), MAIL, PHONE, PHONE.replace(" ", ""), ADDRESS)
"""What is searched for; each planted text contains one of these."""


@dataclass(frozen=True)
class Bad:
    """One bad file.

    `refused` is the code of the refusal, with its `line` where there is one; else `quarantined` maps each reason to the
    lines that go, and the other rows are accepted. `name` is the file's name (the id and .csv without it). `content` gives
    its bytes, or `make` makes what is no plain file.
    """

    id: str
    content: Callable[[], bytes | str] | None = None
    refused: str = ""
    line: int | None = None
    quarantined: dict[str, tuple[int, ...]] | None = None
    name: str | bytes = ""
    make: Callable[[Path], None] | None = None

    @property
    def file_name(self) -> str | bytes:
        return self.name or f"{self.id}.csv"


def write(bad: Bad, folder: Path) -> Path:
    """Make the file in a folder; where it lies."""
    name = os.fsdecode(bad.file_name)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if bad.make is not None:
        bad.make(path)
    else:
        content = bad.content()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_all(folder: Path) -> dict[str, Path]:
    """Every bad file, in a folder; where each lies, by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    return {bad.id: write(bad, folder) for bad in BAD}


# -- tables that are right but for one thing --------------------------------------------------------------------------

INCIDENTS = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service;remarque"
EVENTS = "id_action;id_partenaire;date_action;action;personnes_touchees;remarque"
ROSTER = "id_partenaire;raison_sociale;type_structure;date_signature"
FEEDBACK = "id_retour;date_reception;theme;commentaire"


def incident(number: int, who: str, **changed: str) -> str:
    """A line of the incidents' extract; the remark stands in a column that no contract knows."""
    fields = {
        "id_incident": f"{who.upper()}-{number}",
        "date_heure": f"{number % 28 + 1:02}/03/2025 14:05",
        "code_quartier": "CF01",
        "categorie": "Rixe",
        "lien_trafic": "Oui",
        "version_regle": "R1",
        "service": "PM",
        "remarque": secret(who),
    }
    return ";".join({**fields, **changed}.values())


def incidents(
    who: str, count: int = 12, changed: dict[int, dict[str, str]] | None = None, header: str = INCIDENTS
) -> str:
    """An extract of incidents. `changed` says by line number (the header is line 1) what is otherwise."""
    rows = (incident(n, who, **(changed or {}).get(n, {})) for n in range(2, count + 2))
    return "\n".join([header, *rows]) + "\n"


def with_line(text: str, number: int, line: str) -> str:
    """The text with another line in the place of the one of that number."""
    lines = text.split("\n")
    lines[number - 1] = line
    return "\n".join(lines)


def events(who: str, people: Iterable[str]) -> str:
    """A log of actions, one for each number of people reached; a good one before each."""
    rows = []
    for number, reached in enumerate(people):
        rows.append(f"{who}-{number}a;P001;10/03/2025;Atelier;{20 + number};{secret(who)}")
        rows.append(f"{who}-{number}b;P001;11/03/2025;Atelier;{reached};{secret(who)}")
    return "\n".join([EVENTS, *rows]) + "\n"


def roster(*names: str) -> str:
    """A list of shops, one on each line."""
    return "\n".join([ROSTER, *(f"Q{n};{name};commerce;01/02/2025" for n, name in enumerate(names, 2))]) + "\n"


def event_lines(who: str, count: int = 8) -> list[str]:
    """The log as JSON lines."""
    return [
        json.dumps(
            {
                "event_id": f"{who}-{n}",
                "partner_id": "P001",
                "occurred_on": f"2025-03-{n:02}",
                "action": "workshop",
                "people_reached": 20 + n,
                "remarque": secret(who),
            }
        )
        for n in range(1, count + 1)
    ]


def json_lines(who: str, changed: dict[int, str]) -> str:
    """The log as JSON lines, with other lines in the places that `changed` numbers."""
    lines = event_lines(who)
    for number, line in changed.items():
        lines[number - 1] = line
    return "\n".join(lines) + "\n"


def with_member(who: str, number: int, text: str) -> str:
    """A line of the log with a further member, as text that goes at the end of the object."""
    return event_lines(who)[number - 1][:-1] + f", {text}}}"


COMMUNES = (
    "CODGEO_2025;annee;indicateur;unite_de_compte;nombre;taux_pour_mille;est_diffuse;insee_pop;insee_pop_millesime;"
    "insee_log;insee_log_millesime;complement_info_nombre;complement_info_taux"
)


def communes(changed: dict[int, str] | None = None) -> str:
    """A communal base of ten communes that are none. `changed` gives whole lines by their number."""
    lines = [
        COMMUNES,
        *(
            f"99{n:03};2025;Usage de stupéfiants;Mis en cause;{n};{n / 2:.1f};diff;2000;2023;900;2022;NA;NA".replace(
                ".", ","
            )
            for n in range(1, 11)
        ),
    ]
    for number, line in (changed or {}).items():
        lines[number - 1] = line
    return "\n".join(lines) + "\n"


# -- packed -----------------------------------------------------------------------------------------------------------


def gzipped(content: bytes | str) -> bytes:
    return gzip.compress(content.encode() if isinstance(content, str) else content, mtime=0)


def zipped(members: dict[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def flipped(content: bytes, place: int) -> bytes:
    """The content with one byte turned over; a negative place counts from the end."""
    changed = bytearray(content)
    changed[place] ^= 0xFF
    return bytes(changed)


# -- workbooks --------------------------------------------------------------------------------------------------------


def workbook(sheets: dict[str, str]) -> bytes:
    """A workbook with one sheet for each table of text separated by semicolons."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, text in sheets.items():
        sheet = book.create_sheet(name)
        for line in text.rstrip("\n").split("\n"):
            sheet.append(line.split(";"))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def workbook_with(name: str, content: bytes | str) -> bytes:
    """A good workbook with one more member."""
    target = io.BytesIO(workbook({"A": incidents("member")}))
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


def ole(stream: str) -> bytes:
    """The outer shape of an old or locked office file: its magic number and the name of a stream."""
    start = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    return start + stream.encode("utf-16-le") + bytes(64) + secret("ole").encode("utf-16-le") + bytes(512)


# -- parquet ----------------------------------------------------------------------------------------------------------


def parquet(select: str) -> bytes:
    """What DuckDB writes for a query."""
    import tempfile

    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        target = Path(folder) / "table.parquet"
        con.execute(f"copy ({select}) to '{target}' (format parquet, compression zstd)")
        return target.read_bytes()


COMMUNES_SELECT = """
    select format('99{:03d}', i) as CODGEO_2024, 2024 as annee, 'Usage de stupéfiants' as indicateur,
        'Mis en cause' as unite_de_compte, cast(i as integer) as nombre, i * 0.5 as taux_pour_mille, 'diff' as est_diffuse,
        2000 as insee_pop, 2023 as insee_pop_millesime, 900 as insee_log, 2022 as insee_log_millesime,
        md5(cast(i as varchar)) as remarque
    from range(1, {rows} + 1) numbers(i)"""


def communes_parquet(rows: int = 10, replace: str = "") -> bytes:
    changed = f"* replace ({replace})" if replace else "*"
    return parquet(f"select {changed} from ({COMMUNES_SELECT.replace('{rows}', str(rows))})")


# -- links, names, receipts -------------------------------------------------------------------------------------------


def link_out(path: Path) -> None:
    outside = path.parent.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secrets.csv").write_text(incidents("outside"))
    path.symlink_to(outside / "secrets.csv")


def link_to_folder(path: Path) -> None:
    outside = path.parent.parent.parent / "outside_folder"
    outside.mkdir(exist_ok=True)
    (outside / "secrets.csv").write_text(incidents("outside-folder"))
    path.symlink_to(outside)


def socket_file(path: Path) -> None:
    # bound by a short name: the path of a socket may not be long
    program = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, path.name], cwd=path.parent, check=True)


def with_receipt(who: str, receipt: Callable[[Path], object] | str | bytes) -> Callable[[Path], None]:
    """A good extract with a bad receipt beside it."""

    def make(path: Path) -> None:
        path.write_text(incidents(who))
        beside = path.with_name(path.name + ".receipt.json")
        content = json.dumps(receipt(path)) if callable(receipt) else receipt
        beside.write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def receipt_of(path: Path, **changed: object) -> dict:
    """A good receipt of a file, with some of its entries otherwise."""
    import hashlib

    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    good = {
        "delivery_id": sha256[:16],
        "file_name": path.name,
        "sha256": sha256,
        "bytes": path.stat().st_size,
        "received_at": "2026-01-05T08:00:00Z",
    }
    return {**good, **changed}


def broken(who: str, **changed: object) -> Bad:
    """An extract whose receipt has one entry that cannot be."""
    return Bad(who, make=with_receipt(who, lambda path: receipt_of(path, **changed)), refused="broken_receipt")


# -- surveys ----------------------------------------------------------------------------------------------------------

SURVEY = "id;submitdate;lastpage;startlanguage;seed;SEXE;AGE;SECU_JOUR;SECU_NUIT;COMMENT"
ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
XML_BOMB = (
    f'<?xml version="1.0"?><!DOCTYPE document [<!ENTITY l0 "{secret("lss_bomb")}">{ENTITIES}]>\n'
    "<document><LimeSurveyDocType>Survey</LimeSurveyDocType><languages>&l8;</languages></document>"
)


def survey(header: str = SURVEY, extra: str = "") -> str:
    rows = (
        f"{n};2025-03-{n:02} 10:10:10;4;fr;12;F;A{n % 4 + 1};{n % 5 + 1};{n % 3 + 1};{secret('survey')}"
        for n in range(1, 13)
    )
    return "\n".join([header, *(row + extra for row in rows)]) + "\n"


KOBO = "start;_id;_uuid;_submission_time;_submitted_by;_index;profil/SEXE;SECU_JOUR;COMMENTAIRE"


def kobo(header: str = KOBO, extra: str = "", by: str = "") -> str:
    rows = (
        f"2025-03-{n:02}T10:10:10;{n};{secret('uuid')};2025-03-{n:02}T09:10:10;{by};{n};F;{n % 5 + 1};{secret('kobo')}"
        for n in range(1, 13)
    )
    return "\n".join([header, *(row + extra for row in rows)]) + "\n"


# -- the files --------------------------------------------------------------------------------------------------------
# a table: one line for each file, where one can be
# fmt: off
# ruff: noqa: E501

REACHING = (
    f"Atelier {MAIL}", f"Tabac {PHONE}", f"Bar {ADDRESS}", f"Bar ({PHONE.replace(' ', '')})", f"Bar {PHONE.replace(' ', '.')}",
    f"Bar +33 (0){PHONE[1:]}", f"Bar +33\u00a0{PHONE[1:]}".replace(" ", "\u00a0"),
)
"""Names of shops through which a person can be reached."""
JUNK = random.Random(63113).randbytes(40_000)
NUMBER_FORMS = ("1.234,5", "12 5", "1e400", "nan", "inf", "1_000", "١٢٣", "=1+1", "12 personnes", "0x1F", "1.5", "--5", "１２")
"""None of these is a count of people."""

NOTHING = (
    Bad("empty", lambda: b"", refused="empty"),
    Bad("only_a_byte_order_mark", lambda: b"\xef\xbb\xbf", refused="empty"),
    Bad("only_a_utf16_mark", lambda: b"\xff\xfe", refused="empty"),
    Bad("only_blank_lines", lambda: b"\n \r\n\t\n\n", refused="empty"),
    Bad("only_separators", lambda: ";;;;\n" * 5, refused="not_recognised", line=1),
    Bad("header_only", lambda: INCIDENTS + ";a\n", refused="no_rows", line=1),
    Bad("header_only_crlf", lambda: INCIDENTS + ";b\r\n\r\n", refused="no_rows", line=1),
    Bad("header_without_line_end", lambda: INCIDENTS + ";c", refused="no_rows", line=1),
    Bad("header_and_empty_rows", lambda: INCIDENTS + "\n" + ";;;;;;;\n" * 4, refused="no_rows", line=1),
)

TEXT = (
    Bad("of_another_kind", lambda: "id;nom\n1;x\n", refused="not_recognised", line=1),
    Bad("separated_by_bars", lambda: incidents("bars").replace(";", "|"), refused="wrong_separator", line=1),
    Bad("separated_by_colons", lambda: incidents("colons").replace(";", ":"), refused="not_recognised", line=1),
    Bad("separated_by_spaces", lambda: incidents("spaces").replace(";", "  "), refused="not_recognised", line=1),
    Bad("no_header", lambda: incidents("headless").partition("\n")[2], refused="not_recognised", line=1),
    Bad("header_of_another_table", lambda: f"plat;prix\n{secret('menu')};12\n", refused="not_recognised", line=1),
    Bad("a_column_missing", lambda: incidents("half", header=INCIDENTS.replace("categorie", "divers")), refused="not_recognised", line=1),
    Bad("header_far_below", lambda: f"{secret('title')}\n" * 20 + incidents("below"), refused="not_recognised", line=1),
    Bad("one_line_without_end", lambda: f"{secret('long')} " * 20_000, refused="not_recognised", line=1),
    Bad("one_line_beyond_the_limit", lambda: f"{secret('long')} " * 80_000, refused="line_too_long", line=1),
    Bad("thousands_of_columns", lambda: incidents("wide", header=INCIDENTS + ";c" * 200_000), refused="too_many_columns", line=1),
    Bad("header_twice_the_same", lambda: incidents("twice", header=INCIDENTS.replace("remarque", "Catégorie")), refused="duplicate_header", line=1),
    Bad("header_with_email", lambda: incidents("mail", header=INCIDENTS.replace("remarque", "E-mail")), refused="personal_data", line=1),
    Bad("header_with_nom", lambda: incidents("nom", header=INCIDENTS.replace("remarque", "Nom")), refused="personal_data", line=1),
    Bad("header_with_prenom", lambda: incidents("prenom", header=INCIDENTS.replace("remarque", "Prénom")), refused="personal_data", line=1),
    Bad("header_with_telephone", lambda: "\n\n" + incidents("tel", header=INCIDENTS.replace("remarque", "TÉLÉPHONE")), refused="personal_data", line=3),
    Bad("too_few_fields", lambda: with_line(incidents("few"), 5, f"few-5;{secret('few')}"), quarantined={"unreadable:line: too_few_fields": (5,)}),
    Bad("too_many_fields", lambda: with_line(incidents("many"), 5, incident(5, "many") + f";{secret('x')};y"), quarantined={"unreadable:line: too_many_fields": (5,)}),
    Bad("page_of_a_web_site", lambda: f"<!DOCTYPE html><html><body>{secret('html')}</body></html>", refused="no_table"),
    Bad("page_behind_a_mark", lambda: b"\xef\xbb\xbf<html>" + secret("html2").encode() + b"</html>", refused="no_table"),
    Bad("page_behind_blank_lines", lambda: "\r\n" * 40 + f"<HTML><table><tr><td>{secret('html3')}</td></tr></table></HTML>", refused="no_table"),
    Bad("page_in_utf16", lambda: f"<html><body>{secret('html4')}</body></html>".encode("utf-16"), refused="not_recognised", line=1),
    Bad("plain_xml", lambda: f"<?xml version='1.0'?><menu><plat>{secret('xml')}</plat></menu>", refused="no_table", name="menu.xml"),
    Bad("rich_text", lambda: "{\\rtf1 " + secret("rtf") + "}", refused="not_json_lines", line=1, name="lettre.rtf"),
)

NO_TEXT = (
    Bad("random_bytes", lambda: JUNK, refused="binary"),
    Bad("picture", lambda: b"\x89PNG\r\n\x1a\n" + JUNK, refused="no_table"),
    Bad("pdf", lambda: b"%PDF-1.7\n" + secret("pdf").encode(), refused="no_table"),
    Bad("database", lambda: b"SQLite format 3\0" + JUNK, refused="no_table"),
    Bad("bzip2", lambda: bz2.compress(incidents("bz").encode()), refused="no_table", name="incidents.csv.bz2"),
    Bad("xz", lambda: lzma.compress(incidents("xz").encode()), refused="no_table", name="incidents.csv.xz"),
    Bad("rar", lambda: b"Rar!\x1a\x07\x01\0" + JUNK, refused="no_table", name="incidents.rar"),
    Bad("seven_zip", lambda: b"7z\xbc\xaf\x27\x1c" + JUNK, refused="no_table", name="incidents.7z"),
    Bad("zlib_stream", lambda: zlib.compress(incidents("zlib", 200).encode()), refused="binary"),
)

PACKED = (
    Bad("gzip_cut_short", lambda: gzipped(incidents("cut", 400))[:-900], refused="truncated_archive", name="cut.csv.gz"),
    Bad("gzip_header_only", lambda: gzipped("x")[:5], refused="truncated_archive", name="stub.csv.gz"),
    Bad("gzip_of_nothing", lambda: gzipped(b""), refused="empty", name="nothing.csv.gz"),
    Bad("gzip_with_a_wrong_sum", lambda: flipped(gzipped(incidents("crc")), -6), refused="broken_archive", name="sum.csv.gz"),
    Bad("gzip_damaged", lambda: flipped(gzipped(incidents("damage", 400)), 60), refused="broken_archive", name="damaged.csv.gz"),
    Bad("gzip_in_gzip", lambda: gzipped(gzipped(incidents("double"))), refused="packed_otherwise", name="double.csv.gz"),
    Bad("gzip_of_a_workbook", lambda: gzipped(workbook({"A": incidents("packed")})), refused="packed_otherwise", name="book.xlsx.gz"),
    Bad("gzip_of_a_page", lambda: gzipped(f"<html>{secret('page')}</html>"), refused="packed_otherwise", name="page.csv.gz"),
    Bad("gzip_and_more", lambda: gzipped(incidents("more")) + secret("more").encode(), refused="broken_archive", name="more.csv.gz"),
    Bad("gzip_bomb", lambda: gzipped(b"0;" * (20 * MEGABYTE)), refused="too_large", name="bomb.csv.gz"),
    Bad("zip_of_a_table", lambda: zipped({"incidents.csv": incidents("zip")}), refused="plain_zip", name="incidents.zip"),
    Bad("zip_of_nothing", lambda: zipped({}), refused="plain_zip", name="nothing.zip"),
    Bad("zip_that_climbs_out", lambda: workbook_with("../../evil.csv", secret("evil")), refused="unsafe_zip", name="climbs.xlsx"),
)

WORKBOOKS = (
    Bad("workbook_bomb", lambda: workbook_with("xl/media/bomb.png", bytes(12 * MEGABYTE)), refused="zip_bomb", name="bomb.xlsx"),
    Bad("workbook_without_the_table", lambda: workbook({"Notes": secret("sheet")}), refused="no_table", name="without.xlsx"),
    Bad("workbook_with_two_tables", lambda: workbook({"Mars": incidents("two-a"), "Avril": incidents("two-b")}), refused="several_sheets", name="two.xlsx"),
    Bad("workbook_cut_short", lambda: workbook({"A": incidents("cut")})[:-700], refused="damaged_zip", name="cut.xlsx"),
    Bad("workbook_of_1997", lambda: ole("Workbook"), refused="old_xls", name="old.xls"),
    Bad("workbook_with_a_password", lambda: ole("EncryptedPackage"), refused="encrypted_workbook", name="locked.xlsx"),
    Bad("letter_of_1997", lambda: ole("WordDocument"), refused="old_office", name="old.doc"),
    Bad("letter", lambda: zipped({"word/document.xml": secret("letter")}), refused="docx", name="letter.docx"),
    Bad("open_document", lambda: zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": secret("ods")}), refused="ods", name="table.ods"),
    Bad("binary_workbook", lambda: zipped({"xl/workbook.bin": secret("xlsb")}), refused="xlsb", name="table.xlsb"),
    Bad("workbook_header_only", lambda: workbook({"A": INCIDENTS}), refused="no_rows", line=1, name="header.xlsx"),
    Bad("workbook_with_a_name_column", lambda: workbook({"A": incidents("name", header=INCIDENTS.replace("remarque", "Nom"))}), refused="personal_data", name="names.xlsx"),
    Bad(
        "workbook_with_bad_cells",
        lambda: workbook({"A": incidents("cells", changed={4: {"date_heure": "hier"}, 6: {"categorie": secret("cell")}})}),
        quarantined={"unreadable:occurred_at": (4,), "category_known": (6,)},
        name="cells.xlsx",
    ),
)

MIXED = incidents("mixed", changed={n: {"categorie": "Dégradation"} for n in range(2, 14)})
CP1252_LINE = incident(6, "mixed", categorie="Dégradation", remarque=secret("é")).encode("cp1252")
UTF8_LINE = incident(6, "mixed", categorie="Dégradation", remarque=secret("é")).encode()


def joined(text: str, encoding: str, number: int, line: bytes) -> bytes:
    """The text in an encoding, with a line of its own in the place of that number."""
    lines = text.encode(encoding).split(b"\n")
    lines[number - 1] = line
    return b"\n".join(lines)


ENCODINGS = (
    Bad("a_line_in_cp1252", lambda: joined(MIXED, "utf-8", 6, CP1252_LINE), quarantined={"unreadable:line: encoding_mixed": (6,)}),
    Bad("a_line_in_utf8", lambda: joined(MIXED, "cp1252", 6, UTF8_LINE), quarantined={"unreadable:line: encoding_mixed": (6,)}),
    Bad(
        "undefined_in_cp1252",
        lambda: joined(MIXED, "cp1252", 7, CP1252_LINE.replace(b"\xe9", b"\x81\xe9")),
        quarantined={"unreadable:line: character_unreadable": (7,)},
    ),
    Bad(
        "utf16_with_an_odd_byte",
        lambda: incidents("odd").encode("utf-16") + b"x",
        quarantined={"unreadable:line: character_unreadable": (14,)},
    ),
    Bad("utf32", lambda: incidents("utf32").encode("utf-32"), refused="not_recognised", line=1),
    Bad(
        "replacement_character",
        lambda: with_line(incidents("replaced"), 5, incident(5, "replaced", remarque="\ufffd")),
        quarantined={"unreadable:line: character_unreadable": (5,)},
    ),
    Bad("a_nul_byte", lambda: with_line(incidents("nul"), 8, incident(8, "nul", remarque="\0")), quarantined={"unreadable:line: nul_byte": (8,)}),
    Bad("nul_bytes_at_the_end", lambda: incidents("tail").encode() + bytes(512), refused="binary"),
    Bad("ebcdic", lambda: incidents("ebcdic").encode("cp500"), refused="not_recognised", line=1),
)

QUOTES = (
    Bad("quote_open_in_the_middle", lambda: incidents("mid", changed={5: {"remarque": '"' + secret("mid")}}), quarantined={"unreadable:line: quote_not_closed": (5,)}),
    Bad("quote_open_at_the_end", lambda: incidents("end", changed={13: {"remarque": '"' + secret("end")}}), quarantined={"unreadable:line: quote_not_closed": (13,)}),
    Bad("quotes_open_in_two_lines", lambda: incidents("pair", changed={n: {"remarque": '"' + secret("pair")} for n in (5, 9)}), quarantined={"unreadable:line: quote_not_closed": (5, 9)}),
    Bad("stray_quote_in_a_field", lambda: incidents("stray", changed={5: {"remarque": '5" ' + secret("stray")}}), quarantined={}),
    Bad("two_stray_quotes", lambda: incidents("two", changed={5: {"service": 'P"M', "remarque": '"' + secret("two")}}), quarantined={"unreadable:line: quote_misplaced": (5,)}),
    Bad("text_behind_a_quote", lambda: incidents("behind", changed={5: {"remarque": f'"{secret("a")}"b'}}), quarantined={"unreadable:line: quote_misplaced": (5,)}),
    Bad("line_end_in_a_field", lambda: incidents("cr", changed={5: {"remarque": "a\r" + secret("cr")}}), quarantined={"unreadable:line: line_end_misplaced": (5,)}),
    Bad("a_line_of_ten_megabytes", lambda: with_line(incidents("long"), 5, "long-5;" + secret("long") * 480_000), quarantined={"unreadable:line: line_too_long": (5,)}),
)

JSON = (
    Bad("json_cut_in_mid_line", lambda: "\n".join(event_lines("cut"))[:-30], quarantined={"unreadable:line: not_json": (8,)}, name="cut.jsonl"),
    Bad("json_array", lambda: "[" + ",\n".join(event_lines("array")) + "]", refused="not_json_lines", line=1, name="array.json"),
    Bad("json_array_on_lines", lambda: "[\n" + ",\n".join(event_lines("lines")) + "\n]\n", refused="not_json_lines", line=1, name="lines.json"),
    Bad("json_printed_for_reading", lambda: json.dumps(json.loads(event_lines("pretty")[0]), indent=2), refused="not_json_lines", line=1, name="pretty.json"),
    Bad("json_of_another_table", lambda: json.dumps({"plat": secret("menu")}) + "\n", refused="not_recognised", line=1, name="menu.jsonl"),
    Bad("json_of_numbers", lambda: "1\n2\n3\n", refused="not_recognised", line=1, name="numbers.jsonl"),
    Bad("json_lines_that_are_no_objects", lambda: json_lines("list", {3: "[1, 2]", 4: '"text"', 5: "null", 6: "7"}), quarantined={"unreadable:line: not_json": (3, 4, 5, 6)}, name="list.jsonl"),
    Bad("json_with_members_twice", lambda: json_lines("twice", {3: with_member("twice", 3, '"people_reached": 999')}), quarantined={"unreadable:line: member_twice": (3,)}, name="twice.jsonl"),
    Bad("json_with_objects_inside", lambda: json_lines("nested", {3: event_lines("nested")[2].replace("23", '{"min": 23}')}), quarantined={"unreadable:people_reached": (3,)}, name="nested.jsonl"),
    Bad("json_with_a_line_of_ten_megabytes", lambda: json_lines("long", {3: with_member("long", 3, f'"x": "{secret("x") * 500_000}"')}), quarantined={"unreadable:line: line_too_long": (3,)}, name="long.jsonl"),
    Bad("json_nested_without_end", lambda: json_lines("deep", {3: with_member("deep", 3, '"x": ' + "[" * 200_000 + "]" * 200_000)}), quarantined={}, name="deep.jsonl"),
    Bad("json_with_control_characters", lambda: json_lines("ctrl", {3: with_member("ctrl", 3, '"x": "\x01\r"')}), quarantined={"unreadable:line: not_json": (3,)}, name="control.jsonl"),
    Bad("json_with_half_a_character", lambda: json_lines("half", {3: with_member("half", 3, '"x\\ud800": 1')}), quarantined={"unreadable:line: not_json": (3,)}, name="half.jsonl"),
    Bad("json_with_a_name_column", lambda: json_lines("nom", {3: with_member("nom", 3, f'"nom": "{secret("nom")}"')}), refused="personal_data", line=1, name="nom.jsonl"),
)

VALUES = (
    Bad("dates_of_1900", lambda: incidents("y1900", changed={4: {"date_heure": "01/01/1900 00:00"}}), quarantined={"occurred_at_plausible": (4,)}),
    Bad("dates_of_2199", lambda: incidents("y2199", changed={4: {"date_heure": "31/12/2199 23:59"}}), quarantined={"occurred_at_plausible": (4,)}),
    Bad("date_of_year_25", lambda: incidents("y25", changed={4: {"date_heure": "01/01/0025 10:00"}}), quarantined={"occurred_at_plausible": (4,)}),
    Bad("a_day_that_is_none", lambda: incidents("feb", changed={4: {"date_heure": "29/02/2023 10:00"}}), quarantined={"unreadable:occurred_at": (4,)}),
    Bad("month_before_day", lambda: incidents("us", changed={4: {"date_heure": "03/28/2025 10:00"}}), quarantined={"unreadable:occurred_at": (4,)}),
    Bad("an_hour_that_summer_time_skips", lambda: incidents("dst", changed={4: {"date_heure": "31/03/2024 02:30"}}), quarantined={"unreadable:occurred_at": (4,)}),
    Bad("an_hour_that_is_none", lambda: incidents("hour", changed={4: {"date_heure": "31/03/2025 25:61"}}), quarantined={"unreadable:occurred_at": (4,)}),
    Bad("negative_counts", lambda: events("neg", ["-1", "-2 400"]), quarantined={"reached_plausible": (3, 5)}, name="negative.csv"),
    Bad("numbers_that_are_none", lambda: events("form", NUMBER_FORMS), quarantined={"unreadable:people_reached": tuple(range(3, 2 * len(NUMBER_FORMS) + 2, 2))}),
    Bad("a_word_for_yes", lambda: incidents("bool", changed={4: {"lien_trafic": "peut-être"}}), quarantined={"unreadable:is_trafficking_linked": (4,)}),
    Bad("an_unknown_kind", lambda: incidents("kind", changed={4: {"categorie": secret("kind")}}), quarantined={"category_known": (4,)}),
    Bad(
        "values_that_reach_people",
        lambda: roster(*(f"Commerce {n}" for n in range(2, 12)), *REACHING),
        quarantined={"no_personal_values": (12, 13, 14, 15, 16, 17, 18)},
    ),
    Bad("rows_twice_the_same", lambda: incidents("same") + incident(5, "same") + "\n" + incident(6, "same") + "\n", quarantined={"key_unique": (14, 15)}),
    Bad("rows_that_contradict", lambda: incidents("differ") + incident(5, "differ", code_quartier="CF09") + "\n", quarantined={"key_unique": (5, 14)}),
    Bad("keys_missing", lambda: incidents("key", changed={4: {"id_incident": ""}, 5: {"id_incident": " "}}), quarantined={"incident_id_present": (4, 5)}),
    Bad("most_rows_bad", lambda: incidents("most", 10, {n: {"date_heure": secret("most")} for n in range(2, 8)}), refused="mostly_quarantined", line=2),
    Bad("all_rows_bad", lambda: incidents("all", 6, {n: {"date_heure": "29/02/2023"} for n in range(2, 8)}), refused="mostly_quarantined", line=2),
    Bad("a_shifted_column", lambda: incidents("shift", header=INCIDENTS.replace("id_incident;date_heure", "date_heure;id_incident")), refused="mostly_quarantined", line=2),
    Bad("one_row_and_it_is_bad", lambda: incidents("one", 1, {2: {"categorie": secret("one")}}), refused="mostly_quarantined", line=2),
    Bad("a_zone_of_an_unknown_type", lambda: f"code_zone;type_zone;nom;code_parent\nX1;{secret('zone')};X;Y\nX2;iris;X;Y\n", refused="zone_type_known", line=2),
    Bad(
        "formulas",
        lambda: incidents("formula", changed={4: {"date_heure": "=NOW()"}, 5: {"lien_trafic": "@SUM(1)"}, 6: {"categorie": f"=HYPERLINK({secret('f')})"}}),
        quarantined={"unreadable:occurred_at": (4,), "unreadable:is_trafficking_linked": (5,), "category_known": (6,)},
    ),
)

BASES = (
    Bad("base_without_labels", lambda: communes({1: COMMUNES.replace("indicateur", "divers")}), refused="not_recognised", line=1),
    Bad(
        "base_with_a_hidden_count",
        lambda: communes({3: f"99002;2025;Usage de stupéfiants;Mis en cause;2;{secret('x')};ndiff;2000;2023;900;2022;NA;NA",
                          4: "99003;2025;Usage de stupéfiants;Mis en cause;3;;ndiff;2000;2023;900;2022;NA;NA"}),
        quarantined={"unreadable:rate_per_1000": (3,), "hidden_has_no_count": (4,)},
    ),
    Bad("base_with_a_count_missing", lambda: communes({3: "99002;2025;Usage de stupéfiants;Mis en cause;NA;NA;diff;2000;2023;900;2022;NA;NA"}), quarantined={"published_has_count": (3,)}),
    Bad("base_of_1996", lambda: communes({3: "99002;96;Usage de stupéfiants;Mis en cause;5;1;diff;2000;2023;900;2022;NA;NA"}), quarantined={"year_plausible": (3,)}),
    Bad("parquet_cut_short", lambda: communes_parquet()[:-50], refused="broken_parquet", name="cut.parquet"),
    Bad("parquet_magic_only", lambda: b"PAR1" + secret("magic").encode() + b"PAR1", refused="broken_parquet", name="magic.parquet"),
    Bad("parquet_damaged_inside", lambda: flipped(communes_parquet(3000), 2_000), refused="broken_parquet", name="damaged.parquet"),
    Bad("parquet_of_another_table", lambda: parquet(f"select '{secret('menu')}' as plat, 12 as prix"), refused="not_recognised", line=1, name="menu.parquet"),
    Bad(
        "parquet_with_wrong_types",
        lambda: communes_parquet(replace=f"case when nombre = 3 then '{secret('type')}' else cast(nombre as varchar) end as nombre"),
        quarantined={"unreadable:count": (3,)},
        name="types.parquet",
    ),
    Bad("parquet_with_lists", lambda: communes_parquet(replace="[nombre] as nombre"), refused="mostly_quarantined", line=1, name="lists.parquet"),
    Bad("parquet_bomb", lambda: parquet("select '99001' as CODGEO_2024, 2024 as annee, 'a' as indicateur, 'b' as unite_de_compte, 1 as nombre from range(3000000)"), refused="too_large", name="bomb.parquet"),
    Bad("parquet_without_rows", lambda: parquet(f"select * from ({COMMUNES_SELECT.replace('{rows}', '0')})"), refused="no_rows", line=1, name="none.parquet"),
)

SURVEYS = (
    Bad("survey_with_full_headings", lambda: survey(SURVEY.replace("id;submitdate;lastpage;startlanguage", "Response ID;Date submitted;Last page;Start language")), refused="full_headings", line=1),
    Bad("survey_with_addresses", lambda: survey(SURVEY + ";ipaddr", f";{ADDRESS}"), refused="personal_data", line=2),
    Bad("survey_with_mails", lambda: survey(SURVEY + ";email", f";{MAIL}"), refused="personal_data", line=2),
    Bad("survey_header_only", lambda: SURVEY + "\n", refused="no_rows", line=1),
    Bad("kobo_with_names", lambda: kobo(KOBO + ";profil/nom", f";{secret('nom')}"), refused="personal_data", line=2),
    Bad("kobo_with_places", lambda: kobo(KOBO + ";_LIEU_latitude;_LIEU_longitude", ";45.77;3.08"), refused="personal_data", line=2),
    Bad("kobo_with_senders", lambda: kobo(by=secret("enqueteur")), refused="personal_data", line=2),
    Bad("kobo_with_labels", lambda: kobo(KOBO.replace("SECU_JOUR", "Vous sentez-vous en sécurité ?")), refused="full_headings", line=1),
    Bad("structure_bomb", lambda: XML_BOMB, refused="unsafe_xml", name="bomb.lss"),
    Bad("structure_cut_short", lambda: f"<?xml version='1.0'?><document><LimeSurveyDocType>Survey</LimeSurveyDocType><rows>{secret('lss')}", refused="broken_lss", line=1, name="cut.lss"),
    Bad("survey_archive", lambda: zipped({"survey_1.lss": secret("lsa"), "survey_1_responses.lsr": secret("lsr")}), refused="lsa", name="survey.lsa"),
)

PLACES = (
    Bad("link_out", make=link_out, refused="symbolic_link"),
    Bad("link_to_nothing", make=lambda path: path.symlink_to("nowhere.csv"), refused="symbolic_link"),
    Bad("link_to_itself", make=lambda path: path.symlink_to(path.name), refused="symbolic_link"),
    Bad("link_to_a_folder", make=link_to_folder, refused="symbolic_link"),
    Bad("link_to_a_device", make=lambda path: path.symlink_to("/dev/zero"), refused="symbolic_link"),
    Bad("pipe", make=os.mkfifo, refused="no_file"),
    Bad("socket", make=socket_file, refused="no_file"),
    Bad("folder", make=os.mkdir, refused="no_file"),
)

ODD_NAMES = (
    "with\nnewline.csv",
    "..up..csv",
    "..\\..\\climbs.csv",
    "it's; drop table \"x\" --.csv",
    "%s %(name)s {0} {name} $HOME `id`.csv",
    "[bold red]markup[/].csv",
    "[/].csv",
    "star*.csv",
    "mark?.csv",
    "\x1b[31mred\x07.csv",
    "-rf.csv",
    " blank .csv",
    "#comment&amp;<b>.csv",
    "sans_fin",
    "right\u202eto left.csv",
    b"d\xe9j\xe0 vu.csv",
    "annee=1999/partition.csv",
    b"dossier\xff/plain.csv",
)
"""Good files all the same."""

NAMES = (
    *(
        Bad(f"name_{number}", lambda number=number: incidents(f"name-{number}", 3), quarantined={}, name=name)
        for number, name in enumerate(ODD_NAMES, 1)
    ),
    Bad("name_too_long", lambda: incidents("toolong", 3), refused="name_too_long", name="x" * 250 + ".csv"),
    Bad("name_just_short_enough", lambda: incidents("short", 3), quarantined={}, name="y" * 225 + ".csv"),
    Bad("parquet_with_a_star", lambda: communes_parquet(11), quarantined={}, name="star*.parquet"),
    Bad("parquet_with_bytes", lambda: communes_parquet(12), quarantined={}, name=b"d\xe9j\xe0.parquet"),
    Bad("parquet_in_a_partition", lambda: communes_parquet(13), quarantined={}, name="annee=1999/base.parquet"),
)

RECEIPTS = (
    Bad("receipt_that_is_no_json", make=with_receipt("nojson", secret("receipt")), refused="broken_receipt"),
    Bad("receipt_that_is_empty", make=with_receipt("norecord", ""), refused="broken_receipt"),
    Bad("receipt_that_is_a_list", make=with_receipt("list", "[1, 2]"), refused="broken_receipt"),
    Bad("receipt_in_another_encoding", make=with_receipt("encoding", b"\xff\xfe\xe9"), refused="broken_receipt"),
    Bad("receipt_nested_without_end", make=with_receipt("nested", "[" * 200_000), refused="broken_receipt"),
    Bad("receipt_of_another_content", make=with_receipt("other", lambda path: receipt_of(path, sha256="0" * 64, delivery_id="0" * 16)), quarantined={}),
    broken("receipt_without_a_zone", received_at="2026-01-05T08:00:00"),
    broken("receipt_before_time", received_at="0001-01-01T00:00:00+14:00"),
    broken("receipt_after_time", received_at="9999-12-31T23:59:59-14:00"),
    Bad("receipt_of_the_year_one", make=with_receipt("yearone", lambda path: receipt_of(path, received_at="0001-01-01T00:00:00Z")), refused="receipt_too_early"),
    Bad("receipt_of_another_century", make=with_receipt("ahead", lambda path: receipt_of(path, received_at="2126-01-05T08:00:00Z")), refused="receipt_ahead"),
    broken("receipt_with_a_number_for_a_hash", sha256=12),
    broken("receipt_with_another_id", delivery_id="../../../escaped"),
    broken("receipt_with_a_path_for_a_hash", sha256="../../../../etc/passwd"),
    broken("receipt_with_half_a_character", sender="\ud800"),
    broken("receipt_with_a_list_for_a_sender", sender=[secret("sender")]),
    broken("receipt_with_an_edition_that_is_no_day", edition_date="bientôt"),
    broken("receipt_with_a_text_for_a_size", bytes=secret("size")),
    broken("receipt_with_a_word_for_yes", is_synthetic="peut-être"),
)

BAD: tuple[Bad, ...] = (
    *NOTHING, *TEXT, *NO_TEXT, *PACKED, *WORKBOOKS, *ENCODINGS, *QUOTES, *JSON, *VALUES, *BASES, *SURVEYS, *PLACES, *NAMES, *RECEIPTS,
)
# fmt: on


if __name__ == "__main__":
    made = write_all(Path(sys.argv[1]))
    print(f"{len(made)} bad files in {sys.argv[1]}; run with " + " ".join(f"{k}={v}" for k, v in LIMITS.items()))
