"""JSON as this project writes it: what is listed in a file stands one entry a line, to be compared line by line."""

from __future__ import annotations

import json

LEVELS = 2
"""So many levels are spread over lines. Python spreads all of them, by a way that takes ten times as long."""


def as_json(content: object, levels: int = LEVELS) -> str:
    """The text of a file, without the line end behind it; what JSON does not know is written as text."""
    if levels and isinstance(content, dict) and content:
        entries = (
            f"{json.dumps(str(key), ensure_ascii=False)}: {as_json(value, levels - 1)}"
            for key, value in content.items()
        )
        return "{\n" + ",\n".join(entries) + "\n}"
    if levels and isinstance(content, list | tuple) and content:
        return "[\n" + ",\n".join(as_json(entry, levels - 1) for entry in content) + "\n]"
    return json.dumps(content, ensure_ascii=False, default=str)
