"""What all pages share: the frame, the look, and the words in both languages. Jinja2 escapes whatever is filled in.

A page is one file that needs nothing else: its style stands in it, it has no script, and it loads nothing from anywhere.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

TEMPLATES = Path(__file__).parent / "templates"


class Both(NamedTuple):
    """The same text in French and in English."""

    fr: str
    en: str


class Sign(NamedTuple):
    """How a verdict is shown: by a sign and a word, so that nobody needs to see a colour."""

    mark: str
    fr: str
    en: str


CHECK_SIGNS = {
    "passed": Sign("✓", "conforme", "passed"),
    "failed": Sign("✗", "en échec", "failed"),
    "not_checked": Sign("?", "non vérifié", "not checked"),
}
DELIVERY_SIGNS = {
    "passed": Sign("✓", "admise", "passed"),
    "warned": Sign("!", "admise avec réserves", "warned"),
    "refused": Sign("✗", "refusée", "refused"),
    "not_checked": Sign("?", "non vérifiée", "not checked"),
}
SEVERITIES = {
    "critical": Both("critique", "critical"),
    "warning": Both("avertissement", "warning"),
    "info": Both("information", "info"),
}


@lru_cache(maxsize=1)
def environment():
    """The templates. A name that is not filled in is an error, never a blank."""
    import jinja2

    compiled = TEMPLATES.with_name("__pycache__")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        bytecode_cache=jinja2.FileSystemBytecodeCache(str(compiled)) if _may_write(compiled) else None,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["number"] = number
    made.filters["day"] = day
    return made


def _may_write(folder: Path) -> bool:
    """Whether compiled templates may be kept where Python keeps these modules: to compile them takes a fifth of a second."""
    return not sys.dont_write_bytecode and os.access(folder, os.W_OK)


def number(count: int) -> str:
    """A count as both languages can read it: thousands apart by a narrow space that does not break."""
    return f"{count:,}".replace(",", "\u202f")


def day(release: str) -> str:
    """The day of a release, out of its name."""
    digits = release[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if digits.isdigit() else release


def render(template: str, **filled: object) -> str:
    """One page as text. Templates extend `frame.html.j2`, which says what they may fill."""
    return environment().get_template(template).render(filled)
