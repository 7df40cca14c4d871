"""Receiving single files: landing them in the right folder, or only looking at them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.core import admission, landing, ledger, steps
from flows.core.admission import Verdict
from flows.core.contracts import load_contracts
from flows.core.errors import Refusal, UsageProblem, printable
from flows.core.landing import Delivery
from flows.settings import Settings

UNRECOGNISED = "unrecognised"


@dataclass(frozen=True)
class Landed:
    """Where a file lies now, the contract that its header answers to, and whether its content was here before."""

    path: Path
    contract: str | None
    was_known: bool


def receive(settings: Settings, file: Path, received_on: date | None, sender: str | None) -> Landed:
    """Copy a file into the raw folder with its receipt.

    Raises UsageProblem for a name that is no delivery's, for a day on which nothing can have been received, and when the folder
    cannot be written.
    """
    if file.name.lower() in landing.NO_DELIVERIES:
        problem = f"a file called {printable(file.name)} is taken for a note about the folder, not for a delivery"
        raise UsageProblem(problem, "give it another name")
    moment = landing.moment_on(received_on) if received_on else None
    contract = _recognised(settings, file)
    source = load_contracts(settings.sql / "0_sources")[contract].source if contract else UNRECOGNISED
    try:
        sha256 = landing.sha256_of(file)
    except OSError as error:
        problem = f"{printable(file)} cannot be read ({error.strerror})"
        raise UsageProblem(problem, "mend its permissions, or name another file") from None
    try:
        everything = ledger.known_on(_known(settings), None)
        known = next((d for d in everything if d.receipt.sha256 == sha256 and d.path is not None), None)
        if known is not None and _was_replaced(known, everything):
            return Landed(landing.receive_again(known, moment), contract, False)
        if known is not None:
            return Landed(known.path, contract, True)
        return Landed(landing.land_file(file, settings.raw / source, moment, sender), contract, False)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageProblem(f"the name {printable(file.name)} is too long", "shorten it to 200 bytes") from None
        raise UsageProblem(f"{settings.raw} cannot be written ({error.strerror})", "choose another --raw DIR") from None


def _was_replaced(known: Delivery, everything: list[Delivery]) -> bool:
    """Whether something else came under the same name since: then what comes now is meant to take its place again."""
    later = everything[everything.index(known) + 1 :]
    name = (known.folder, known.receipt.file_name, known.receipt.sender)
    return any((d.folder, d.receipt.file_name, d.receipt.sender) == name for d in later)


def _known(settings: Settings) -> list[Delivery]:
    """What lies in the raw folder; the index of what was read before is the warehouse's, and not begun where there is none."""
    if not settings.raw.is_dir():
        return []
    with tempfile.TemporaryDirectory(prefix="barometer-") as nowhere:
        return landing.land_all(
            settings.raw, (settings.out if settings.out.is_dir() else Path(nowhere)) / "raw_index.json"
        )


def _recognised(settings: Settings, file: Path) -> str | None:
    from flows.core.reading import read

    folder = Path(tempfile.mkdtemp(prefix="barometer-"))
    try:
        delivered = read(file, load_contracts(settings.sql / "0_sources"), folder, steps.room(settings).limits)
        return delivered.contract.name
    except Refusal:
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(settings: Settings, file: Path) -> Verdict:
    """The verdict on a file as `run` would give it; only a temporary folder is written, and removed."""
    from dataclasses import replace

    folder = Path(tempfile.mkdtemp(prefix="barometer-"))
    try:
        delivery = _delivery(file)
        room = steps.room(replace(settings, out=folder))
        return admission.admit(delivery, load_contracts(settings.sql / "0_sources"), room)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _delivery(file: Path) -> Delivery:
    if not os.path.lexists(file):
        raise UsageProblem(f"no file {printable(file)}", "check the path")
    sha256 = "0" * 64
    try:
        refusal = landing._no_plain_file(file, file.parent)
        sha256 = landing.sha256_of(file) if refusal is None else sha256
    except OSError as error:
        refusal = landing.unreadable(error)
    receipt = landing.Receipt(landing.delivery_id_of(sha256), file.name, sha256, 0, landing.utc_now())
    return Delivery(receipt, "", file, None, refusal)
