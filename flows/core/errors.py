"""What can go wrong, told the way a user needs it: file, line, expected, found, what to do.

No message ever carries a value of a delivered row: header names that a contract knows, counts, line numbers and byte
offsets only.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field


def printable(name: object) -> str:
    """The name on one line: control characters and line ends are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


@dataclass
class Refusal(Exception):
    """A delivery that cannot be admitted at all; the other deliveries go on.

    `code` names the kind of refusal (stable, for tests and for grouping), `line` the line of the file as delivered where
    there is one, `facts` the counts and known column names that the letter to the sender tells in French.
    """

    code: str
    expected: str
    found: str
    remedy: str
    line: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}expected {self.expected}; found {self.found}. To mend it: {self.remedy}"

    def as_dict(self) -> dict:
        return {
            "code": self.code,
            "line": self.line,
            "expected": self.expected,
            "found": self.found,
            "remedy": self.remedy,
            "facts": dict(self.facts),
        }


class BarometerError(Exception):
    """A run that cannot go on; `exit_code` is one per cause and listed in `barometer --help`."""

    exit_code = 10

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class UsageProblem(BarometerError):
    """A folder, file or argument that is not there or cannot be used."""

    exit_code = 3


class LockHeld(BarometerError):
    """Another run holds the warehouse."""

    exit_code = 4


class ModelError(BarometerError):
    """A model or contract that is wrong in itself: a cycle, an unknown table, a missing column text, broken SQL."""

    exit_code = 5


class VerificationFailed(BarometerError):
    """A critical expectation on a published table failed: nothing is published."""

    exit_code = 6


class NotChecked(BarometerError):
    """A critical expectation did not run: nothing is published."""

    exit_code = 7


class NothingToPublish(BarometerError):
    """No delivery at all was admitted."""

    exit_code = 8


class StorageProblem(BarometerError):
    """The disk is full or the warehouse cannot be written."""

    exit_code = 9


def tells_of_full_disk(error: BaseException) -> bool:
    """Whether an error, of whatever library, comes from a disk that is full, over its quota or read-only."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
        return True
    return any(
        words in str(error) for words in ("No space left on device", "Disk quota exceeded", "Read-only file system")
    )


class UnknownRelease(BarometerError):
    """The release asked for is not kept, or is damaged."""

    exit_code = 11


class ReleaseDiffers(BarometerError):
    """A release is not what its manifest says, or does not fit the chain."""

    exit_code = 13


class WouldDisclose(BarometerError):
    """Somebody could work a hidden count out from the release and the earlier ones; or what those showed is not known."""

    exit_code = 14


class Interrupted(BarometerError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130
