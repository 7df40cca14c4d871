"""Turns rows into the exact bytes of a delivery and writes them with a receipt beside them.

Bytes must not depend on the machine: nothing is compressed (zlib and zlib-ng pack differently), archives carry fixed
dates, and openpyxl is kept from using lxml, which writes the same XML in other bytes.
"""

import os

os.environ["OPENPYXL_LXML"] = "False"

import csv
import hashlib
import io
import json
import math
import random
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import openpyxl

SEED = "barometre-2026"
INTERNAL_LICENCE = "Usage interne, publication agrégée"
OPEN_LICENCE = "Licence Ouverte 2.0"
NARROW_SPACE = "\u202f"  # what French typography and LibreOffice put between thousands
NO_BREAK_SPACE = "\u00a0"  # the same in an 8-bit encoding, where the narrow one does not exist

_ZIP_DATE = (2026, 1, 1, 0, 0, 0)
_XLSX_DATE = datetime(2026, 1, 1)


@dataclass(frozen=True)
class Delivery:
    """One delivered file; the receipt's fields that are not derived from its bytes."""

    source: str  # folder below data/raw
    file_name: str
    content: bytes
    contract: str
    received_at: str
    sender: str
    citation: str
    licence: str = INTERNAL_LICENCE
    edition_date: str | None = None
    wave_code: str | None = None
    is_synthetic: bool = True
    note: str | None = None

    def receipt(self) -> dict:
        """The receipt as the landing step writes it."""
        sha256 = hashlib.sha256(self.content).hexdigest()
        return {
            "delivery_id": sha256[:16],
            "file_name": self.file_name,
            "sha256": sha256,
            "bytes": len(self.content),
            "received_at": self.received_at,
            "sender": self.sender,
            "contract": self.contract,
            "licence": self.licence,
            "citation": self.citation,
            "edition_date": self.edition_date,
            "wave_code": self.wave_code,
            "is_synthetic": self.is_synthetic,
            "note": self.note,
        }

    def write(self, out: Path) -> Path:
        """Writes the file and its receipt below `out`; returns the file's path."""
        folder = out / self.source
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.file_name
        path.write_bytes(self.content)
        receipt = json.dumps(self.receipt(), ensure_ascii=False, indent=2) + "\n"
        path.with_name(path.name + ".receipt.json").write_bytes(receipt.encode("utf-8"))
        return path


def dice(name: str) -> random.Random:
    """A generator of its own for every file, so that changing one leaves the others as they are."""
    return random.Random(f"{SEED}/{name}")


def pick(rng: random.Random, weights: dict):
    """One key of `weights`, drawn in proportion to its value."""
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def poisson(rng: random.Random, mean: float) -> int:
    """A count with the given mean (Knuth's product of uniforms)."""
    count, product, floor = 0, rng.random(), math.exp(-mean)
    while product > floor:
        count, product = count + 1, product * rng.random()
    return count


def part(rng: random.Random, whole: int, share: float) -> int:
    """How many of `whole` take the next step."""
    return sum(rng.random() < share for _ in range(whole))


def yes_no(value: bool) -> str:
    return "Oui" if value else "Non"


def csv_bytes(
    header: list[str],
    rows: list[list],
    *,
    separator: str = ";",
    encoding: str = "utf-8",
    newline: str = "\n",
    quote_all: bool = False,
) -> bytes:
    """A delimited file; None is an empty field."""
    buffer = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(buffer, delimiter=separator, lineterminator=newline, quoting=quoting)
    writer.writerow(header)
    writer.writerows(rows)
    text = buffer.getvalue()
    if encoding == "utf-16":  # as Excel's "Unicode text" has it: little-endian on every machine, with its mark
        return b"\xff\xfe" + text.encode("utf-16-le")
    return text.encode(encoding)


def jsonl_bytes(header: list[str], rows: list[list]) -> bytes:
    """One JSON object per line, every key present."""
    lines = [json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False, separators=(",", ":")) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8")


def xlsx_bytes(sheet_name: str, header: list[str], rows: list[list]) -> bytes:
    """A workbook of one sheet, dates as real dates, the same bytes on every run."""
    book = openpyxl.Workbook()
    book.properties.creator = "make_sample.py"
    book.properties.created = _XLSX_DATE
    sheet = book.active
    sheet.title = sheet_name
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    for cell in (cell for row in sheet.iter_rows(min_row=2) for cell in row if cell.is_date):
        cell.number_format = "dd/mm/yyyy hh:mm" if isinstance(cell.value, datetime) else "dd/mm/yyyy"
    buffer = io.BytesIO()
    book.save(buffer)
    return _with_fixed_dates(buffer.getvalue())


def _with_fixed_dates(workbook: bytes) -> bytes:
    """Repacks a workbook without compression and without the moment at which openpyxl saved it."""
    saved_at = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            member = zipfile.ZipInfo(name, _ZIP_DATE)
            member.create_system = 3
            stamp = rb"\g<1>" + _XLSX_DATE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
            new.writestr(member, saved_at.sub(stamp, old.read(name)) if name == "docProps/core.xml" else old.read(name))
    return buffer.getvalue()


def gzip_bytes(content: bytes) -> bytes:
    """A gzip file that holds `content` (under 64 KB) in one stored block."""
    header = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
    block = b"\x01" + struct.pack("<HH", len(content), len(content) ^ 0xFFFF) + content
    return header + block + struct.pack("<II", zlib.crc32(content), len(content))


def french_date(value: date | None) -> str | None:
    """31/12/2025, with 14:05 after it when the value has a time."""
    if value is None:
        return None
    return value.strftime("%d/%m/%Y %H:%M" if isinstance(value, datetime) else "%d/%m/%Y")


def french_number(value: float | None, space: str = NARROW_SPACE) -> str | None:
    """2 400 and 42,5."""
    if value is None:
        return None
    return f"{value:,}".replace(",", space).replace(".", ",")


def insert_spread(rng: random.Random, rows: list[list], dirty: list[list]) -> list[list]:
    """`rows` with each dirty row put somewhere in the middle, in the order given."""
    rows = list(rows)
    places = sorted(rng.sample(range(len(rows) // 10, len(rows)), len(dirty)), reverse=True)
    for place, row in zip(places, reversed(dirty), strict=True):
        rows.insert(place, row)
    return rows
