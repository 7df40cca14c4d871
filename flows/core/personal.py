"""What reaches a person and can be known by its form: e-mail addresses, French telephone numbers, IP addresses.

No form tells a person's name from other words.
"""

from __future__ import annotations

import re

EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]+"

# no braces in these patterns: they stand in a query in which Great Expectations takes braces for its own
GAP = "[ \u00a0\u202f\u2009.-]?"
NUMBER = rf"(\+33{GAP}(\(0\))?{GAP}|0033{GAP}|0)[1-9]" + f"({GAP}[0-9][0-9])" * 4
PHONE = rf"(^|[^0-9]){NUMBER}($|[^0-9])"
SPACE = "[ \u00a0\u202f\u2009]"
SPACED_PHONE = rf"(^|[^0-9])(\+33{SPACE}?|0033{SPACE}?|0)[1-9]" + f"{SPACE}[0-9][0-9]" * 4 + "($|[^0-9])"
"""In a code, ten digits or pairs of them with dashes are no telephone number; with spaces they are."""

IP_ADDRESS = r"(^|[^0-9.])[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+($|[^0-9.])"

HIDDEN = "***"
IN_A_NAME = re.compile(rf"{EMAIL}|(?<![0-9])(?<![0-9][.-]){NUMBER}(?![0-9])")
"""In the name of a file the pairs of a time are no telephone number: `2026-01-05-08-30-12`, as KoboToolbox names exports."""


def without_personal(name: str) -> str:
    """The name of a file with what reaches a person replaced: names stand in public tables and in logs."""
    return IN_A_NAME.sub(HIDDEN, name)
