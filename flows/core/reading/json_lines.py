"""JSON lines: one object a line, read as text with its line number."""

from __future__ import annotations

import json
from pathlib import Path

from flows.core.errors import Refusal
from flows.core.reading.delimited import KEPT_TEXT, _Lines, _unreadable, line_too_long
from flows.core.reading.tables import BadLine, TextTable
from flows.core.reading.unpack import PlainText

SAMPLED_LINES = 2000
SEPARATOR = "\x01"
"""Stands in no JSON text: JSON writes control characters as escapes."""


def looks_like_json(text: PlainText) -> bool:
    with text.path.open("rb") as file:
        head = file.read(4096).lstrip()
    return head.startswith((b"{", b"["))


def keys(text: PlainText, max_line: int) -> list[str]:
    """Names of the members of the first objects, in the order in which they come.

    Raises Refusal when the text is one JSON document and not one object a line.
    """
    seen: dict[str, None] = {}
    objects = 0
    with text.path.open("rb") as file:
        for number in range(1, SAMPLED_LINES + 1):
            line = file.readline(max_line + 1)
            if not line:
                break
            if len(line) > max_line and not line.endswith(b"\n"):
                raise line_too_long(number, max_line)
            member = _object(line)
            if member is not None:
                objects += 1
                seen.update(dict.fromkeys(member))
    if not objects:
        raise Refusal(
            "not_json_lines",
            "one JSON object on each line",
            "a JSON document of another shape",
            "export it as JSON lines (.jsonl), or as CSV",
            1,
        )
    return list(seen)


def _object(line: bytes) -> dict | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def as_table(text: PlainText, folder: Path, names: list[str], max_line: int, with_numbers: bool) -> TextTable:
    """The delivery as a TextTable of form jsonl; numbered, each line stands behind its number and SEPARATOR."""
    if not with_numbers:
        return TextTable("jsonl", text.path, tuple(names), SEPARATOR, line_count=text.line_count)
    bad: list[BadLine] = []
    target = folder / "numbered.jsonl"
    with target.open("wb") as out:
        for number, line in _Lines(text.path, max_line):
            reason = _unreadable(line, max_line)
            if reason:
                bad.append(BadLine(number, reason, line[:KEPT_TEXT].decode("utf-8", "replace")))
            elif line.strip():
                out.write(b"%d\x01%b\n" % (number, line.strip()))
    return TextTable("jsonl", target, tuple(names), SEPARATOR, numbered=True, bad_lines=tuple(bad))
