"""What all pages share: the frame, the look, and the words in both languages. Jinja2 escapes whatever is filled in.

A page is one file that needs nothing else: its style stands in it, it has no script, and it loads nothing from anywhere.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from flows.core import at_hand

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

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        bytecode_cache=_compiled(may_write=False),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["number"] = number
    made.filters["day"] = day
    return made


def _compiled(may_write: bool):
    """The templates as set-up has compiled them: to compile them takes a third of a second. A run writes nothing there."""
    import jinja2

    class Compiled(jinja2.FileSystemBytecodeCache):
        def dump_bytecode(self, bucket) -> None:
            if may_write:
                super().dump_bytecode(bucket)

    return Compiled(str(at_hand.FOLDER)) if at_hand.FOLDER.is_dir() else None


def compile_templates() -> None:
    """Compile every template into the folder of what is at hand."""
    made = environment().overlay(bytecode_cache=_compiled(may_write=True))
    for path in sorted(TEMPLATES.glob("*.j2")):
        made.get_template(path.name)


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
