"""From the bytes as delivered to plain UTF-8 text: compression, encoding, and what is no text at all."""

from __future__ import annotations

import codecs
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from flows.core.errors import Refusal
from flows.core.landing import unreadable

CHUNK = 256 * 1024
"""What is read at a time. A larger piece is given back to the system and asked for anew each time, which takes longer than to
unpack it: 2.1 s in place of 0.5 for the communal base, with 4 MB."""

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
OTHER_ENCODING = b"\xff"
"""Stands in no UTF-8 text: marks a line that is in another encoding than those around it."""
REPLACEMENT = "\ufffd".encode()
LONG = 256 * 1024
BOMB_FROM = 256 * 1024 * 1024
BOMB_RATIO = 200
"""2026-11: a base of the SSMSI unpacked to 4 times its size, the benchmark's to 11 and 19; a bomb to a thousand. Found
out early, it cannot fill the disk that the other deliveries need."""
AS_TEXT = "export the table as CSV (UTF-8) or as xlsx and send it again"


@dataclass(frozen=True)
class PlainText:
    """A delivery as one file of UTF-8 text without BOM.

    `is_clean` is False when some lines are very long, in another encoding, or hold NUL bytes or characters that were
    lost before: such a file must be read line by line.
    `byte_count`, `line_count` and `quote_count` describe the text (a last line without line end counts);
    `underscore_count` is None where nobody counted. `has_plain_ends` says that a carriage return stands at the end of every
    line or nowhere; False as well where nobody looked.
    """

    path: Path
    encoding: str
    byte_count: int
    line_count: int
    quote_count: int
    is_clean: bool
    underscore_count: int | None = None
    has_plain_ends: bool = False


def kind_of(path: Path) -> str:
    """What the first bytes say: empty, gzip, zip, parquet, ole, pdf, html, xml or text. Raises Refusal if unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise unreadable(error) from None
    if not head:
        return "empty"
    for magic, kind in (
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06", "zip"),
        (b"PAR1", "parquet"),
        (b"\xd0\xcf\x11\xe0", "ole"),
        (b"%PDF", "pdf"),
        (b"\x89PNG", "picture"),
        (b"\xff\xd8\xff", "picture"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"7z\xbc\xaf", "7z"),
        (b"Rar!", "rar"),
        (b"SQLite format 3", "sqlite"),
    ):
        if head.startswith(magic):
            return kind
    start = head.lstrip(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<table", b"<body", b"<!--")):
        return "html"
    if start.startswith(b"<?xml") or start.startswith(b"<document"):
        return "xml"
    return "text"


def to_plain_text(path: Path, target: Path, kind: str, max_bytes: int) -> PlainText:
    """Write the delivery as UTF-8 text to `target`, at most `max_bytes` of it.

    Raises Refusal for a broken or endless archive, for bytes that are no text, and for an empty text.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "gzip":
        raw = target.with_suffix(".unpacked")
        _unpack_gzip(path, raw, max_bytes)
        _refuse_packed_otherwise(kind_of(raw))
    else:
        raw = path
        if path.stat().st_size > max_bytes:
            raise too_large(max_bytes)
    return _decode(raw, target)


def _unpack_gzip(path: Path, target: Path, max_bytes: int) -> None:
    from isal import igzip, isal_zlib

    written, most = 0, min(max_bytes, max(BOMB_FROM, BOMB_RATIO * path.stat().st_size))
    try:
        with igzip.open(path, "rb") as packed, target.open("wb") as plain:
            while chunk := packed.read(CHUNK):
                written += len(chunk)
                if written > most:
                    raise too_large(max_bytes) if most == max_bytes else _bomb()
                plain.write(chunk)
    except EOFError:
        raise Refusal(
            "truncated_archive",
            "a complete gzip file",
            f"a file that breaks off after {written} unpacked bytes",
            "send it again; the transfer was cut short",
        ) from None
    except (igzip.BadGzipFile, isal_zlib.error) as error:
        raise Refusal(
            "broken_archive", "a gzip file", f"damaged data ({type(error).__name__})", "pack and send it again"
        ) from None


def _bomb() -> Refusal:
    return Refusal(
        "gzip_bomb",
        f"a gzip file that unpacks to at most {BOMB_RATIO} times its size",
        "one that unpacks to more",
        "send the table itself, unpacked",
    )


def _refuse_packed_otherwise(kind: str) -> None:
    if kind not in ("text", "empty"):
        raise Refusal(
            "packed_otherwise",
            "a CSV or JSON lines inside the gzip file",
            f"{'a further archive' if kind in ('gzip', 'zip', 'bzip2', 'xz', '7z', 'rar') else kind} inside it",
            "send the file itself, unpacked",
        )


def too_large(max_bytes: int) -> Refusal:
    return Refusal(
        "too_large",
        f"at most {max_bytes} unpacked bytes",
        "a file that unpacks to more",
        "send the table in parts, or raise BAROMETER_MAX_UNPACKED_BYTES if it really is that large",
    )


def _decode(raw: Path, target: Path) -> PlainText:
    with raw.open("rb") as file:
        head = file.read(65536)
    bom, encoding = next(((b, name) for b, name in BOMS if head.startswith(b)), (b"", ""))
    if not encoding:
        encoding = _utf16_without_bom(head)
    if encoding.startswith("utf-16"):
        return _transcode(raw, target, encoding, len(bom))
    facts = _scan(raw, len(bom))
    if facts.is_clean:
        return _as_it_is(raw, target, len(bom), facts)
    if facts.nul_share > 0.02 or _is_binary(head):
        raise Refusal("binary", "a text table", "bytes that are no text", AS_TEXT)
    if facts.is_utf8:  # with a few NUL bytes, characters that were lost before, or very long lines
        return _as_it_is(raw, target, len(bom), facts)
    utf8_lines, other_lines = _count_encodings(raw)
    if utf8_lines > other_lines:
        return _as_it_is(raw, target, len(bom), facts)
    return _transcode_lines(raw, target) if utf8_lines else _transcode(raw, target, "cp1252", 0)


def _utf16_without_bom(head: bytes) -> str:
    if len(head) < 4:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _is_binary(head: bytes) -> bool:
    controls = sum(head.count(bytes([code])) for code in (*range(1, 9), *range(14, 32)))
    return controls > 0.02 * max(len(head), 1)


@dataclass(frozen=True)
class _Facts:
    byte_count: int
    line_count: int
    quote_count: int
    underscore_count: int
    has_plain_ends: bool
    nul_share: float
    is_utf8: bool
    is_odd: bool

    @property
    def is_clean(self) -> bool:
        return self.is_utf8 and self.nul_share == 0 and not self.is_odd


def _scan(raw: Path, skip: int) -> _Facts:
    import numpy as np

    decoder = codecs.getincrementaldecoder("utf-8")()
    total = lines = quotes = underscores = returns = pairs = nuls = 0
    is_utf8, is_odd = True, False
    last, seam = b"\n", b""
    with raw.open("rb") as file:
        file.seek(skip)
        while chunk := file.read(CHUNK):
            total += len(chunk)
            codes = np.frombuffer(chunk, np.uint8)  # five times as fast as bytes.count
            lines += np.count_nonzero(codes == ord("\n"))
            quotes += np.count_nonzero(codes == ord('"'))
            underscores += np.count_nonzero(codes == ord("_"))
            if returns_here := np.count_nonzero(codes == ord("\r")):
                returns, pairs = returns + returns_here, pairs + chunk.count(b"\r\n")
            pairs += seam.endswith(b"\r") and chunk.startswith(b"\n")
            nuls += np.count_nonzero(codes == 0)
            is_odd = is_odd or _has_replacement(chunk, seam) or _has_long_line(chunk, b"\n")
            last, seam = chunk[-1:], chunk[-2:]
            if is_utf8:
                is_utf8 = _decodes(decoder, chunk)
    if is_utf8:
        is_utf8 = _decodes(decoder, b"", final=True)
    has_plain_ends = returns == pairs and returns in (0, lines)
    lines += last != b"\n"
    return _Facts(total, lines, quotes, underscores, has_plain_ends, nuls / max(total, 1), is_utf8, is_odd)


def _has_replacement(chunk: bytes, seam: bytes) -> bool:
    # its first byte is rare and found at once
    return REPLACEMENT in seam + chunk[:2] or (REPLACEMENT[:1] in chunk and REPLACEMENT in chunk)


def _has_long_line(chunk: bytes | str, end: bytes | str) -> bool:
    """Whether a block without a line end stands in the chunk, as it does in any line of twice that size."""
    places = range(0, len(chunk) - LONG + 1, LONG)
    return any(chunk.find(end, place, place + LONG) < 0 for place in places)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _count_encodings(raw: Path) -> tuple[int, int]:
    """Lines with non-ASCII bytes: how many are valid UTF-8 and how many are not."""
    utf8 = other = 0
    with raw.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                utf8 += 1
            except UnicodeDecodeError:
                other += 1
    return utf8, other


def _transcode_lines(raw: Path, target: Path) -> PlainText:
    """Lines in cp1252 as UTF-8. A line among them that is UTF-8 already ends with OTHER_ENCODING.

    Read as cp1252 such a line would pass for right, with two wrong letters in the place of each accent.
    """
    total = lines = quotes = 0
    with raw.open("rb") as source, target.open("wb") as plain:
        for line in source:
            if not line.isascii() and _decodes(codecs.getincrementaldecoder("utf-8")(), line, final=True):
                text = line.rstrip(b"\r\n") + OTHER_ENCODING + b"\n"
            else:
                text = line.decode("cp1252", "replace").encode("utf-8")
            plain.write(text)
            total, lines, quotes = total + len(text), lines + 1, quotes + text.count(b'"')
    return _finished(target, target, "cp1252", total, lines, quotes, is_clean=False)


def _as_it_is(raw: Path, target: Path, bom: int, facts: _Facts) -> PlainText:
    """UTF-8 already: the file itself, copied only to take a BOM away."""
    plain = raw
    if bom:
        with raw.open("rb") as source, target.open("wb") as copy:
            source.seek(bom)
            shutil.copyfileobj(source, copy, CHUNK)
        plain = target
    text = _finished(plain, target, "utf-8", facts.byte_count, facts.line_count, facts.quote_count, facts.is_clean)
    return replace(text, underscore_count=facts.underscore_count, has_plain_ends=facts.has_plain_ends)


def _transcode(raw: Path, target: Path, encoding: str, skip: int) -> PlainText:
    # cp1252 leaves five bytes undefined; they become U+FFFD, which marks the line as unreadable later on
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    total = lines = quotes = 0
    is_clean = True
    last = "\n"
    with raw.open("rb") as source, target.open("w", encoding="utf-8", newline="") as plain:
        source.seek(skip)
        while True:
            chunk = source.read(4 * CHUNK)  # at least LONG letters, also of four bytes each
            text = decoder.decode(chunk, final=not chunk)
            total += len(text)
            lines += text.count("\n")
            quotes += text.count('"')
            is_clean = is_clean and "�" not in text and "\0" not in text and not _has_long_line(text, "\n")
            plain.write(text)
            last = text[-1:] or last
            if not chunk:
                break
    return _finished(target, target, encoding, total, lines + (last != "\n"), quotes, is_clean)


def _finished(
    plain: Path, target: Path, encoding: str, size: int, lines: int, quotes: int, is_clean: bool
) -> PlainText:
    if lines <= 1 and size and _only_carriage_returns(plain):
        lines = _with_line_feeds(plain, target.with_suffix(".lines"))
        plain = target.with_suffix(".lines")
    if not size or not _has_text(plain):
        raise Refusal("empty", "a header line and rows", "an empty file", "send the file again; it holds nothing")
    return PlainText(plain, encoding, size, lines, quotes, is_clean)


def _with_line_feeds(source: Path, target: Path) -> int:
    """Copy with a line feed for each carriage return; the number of lines."""
    lines, last = 0, b"\n"
    with source.open("rb") as file, target.open("wb") as copy:
        while chunk := file.read(CHUNK).replace(b"\r", b"\n"):
            copy.write(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


def _only_carriage_returns(target: Path) -> bool:
    """Old Macintosh line ends: one line for us, many for its sender."""
    with target.open("rb") as file:
        head = file.read(65536)
    return b"\n" not in head and b"\r" in head


def _has_text(target: Path) -> bool:
    with target.open("rb") as file:
        while chunk := file.read(CHUNK):
            if re.search(rb"\S", chunk):
                return True
    return False
