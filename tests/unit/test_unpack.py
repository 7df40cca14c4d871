"""From bytes to plain text, piece by piece: what stands across two pieces, and lines that are longer than one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from flows.core.reading.unpack import CHUNK, LONG, PlainText, kind_of, to_plain_text


def plain(content: bytes, folder: Path) -> PlainText:
    path = folder / "delivered"
    path.write_bytes(content)
    return to_plain_text(path, folder / "plain.txt", kind_of(path), 1 << 30)


@pytest.mark.parametrize("letter", ["a", "é", "€", "𝔸"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_very_long_line_is_seen_in_every_encoding(encoding, letter, tmp_path) -> None:
    short = "a;b\n" + "1;2\n" * LONG
    assert plain(short.encode(encoding), tmp_path).is_clean
    assert not plain((short + letter * (2 * LONG) + "\n").encode(encoding), tmp_path).is_clean


@pytest.mark.parametrize("place", [CHUNK - 2, CHUNK - 1, CHUNK, 2 * CHUNK - 1])
@pytest.mark.parametrize(("mark", "is_clean"), [("é€𝔸", True), ("\ufffd", False)])
def test_a_letter_across_two_pieces_is_read_whole(place, mark, is_clean, tmp_path) -> None:
    content = ("a\n" * CHUNK)[:place].encode() + mark.encode() + b"\nend"
    found = plain(content, tmp_path)
    assert found.is_clean == is_clean and found.encoding == "utf-8" and found.byte_count == len(content)
    assert found.path.read_bytes() == content and found.line_count == len(content.split(b"\n"))


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_packed_file_is_unpacked_whole(size, tmp_path) -> None:
    content = (b'a;"b_c"\n' * size)[:size]
    found = plain(gzip.compress(content), tmp_path)
    assert found.path.read_bytes() == content and found.is_clean
    counted = (content.count(b'"'), content.count(b"_"), len(content.rstrip(b"\n").split(b"\n")))
    assert (found.quote_count, found.underscore_count, found.line_count) == counted
