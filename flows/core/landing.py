"""Landing: every file in the raw folder gets a receipt beside it; the content's hash is its identity for ever."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.core.errors import Refusal, UsageProblem, printable
from flows.core.personal import without_personal

RECEIPT_ENDING = ".receipt.json"
CHUNK = 256 * 1024
EDITION_IN_NAME = re.compile(r"produit[-_ ]?le[-_ ]?(\d{4})[-_]?(\d{2})[-_]?(\d{2})", re.IGNORECASE)
NO_DELIVERIES = ("readme.md", "readme.txt")
LIKE_A_FILE = re.compile(r".*\.(csv|tsv|txt|gz|xlsx?|xlsm|jsonl?|parquet|lss)", re.IGNORECASE)
CITY_TIME = ZoneInfo("Europe/Paris")

FIRST_DAY = date(2015, 1, 1)
"""Of the first month in `sql/reference/months.csv`: nothing can have been received before."""

CLOCK_SLACK = timedelta(days=1)
"""How far ahead of this machine's clock a receipt may be: it may have been written on another one."""

KINDS = {"str": str, "int": int, "bool": bool, "str | None": (str, type(None))}


@dataclass(frozen=True)
class Receipt:
    """What was received, when and from whom; written once and never changed but for the contract once it is known,
    and for the day on which its file was removed because its time was over."""

    delivery_id: str
    file_name: str
    sha256: str
    bytes: int
    received_at: str
    sender: str | None = None
    contract: str | None = None
    licence: str | None = None
    citation: str | None = None
    edition_date: str | None = None
    wave_code: str | None = None
    is_synthetic: bool = False
    note: str | None = None
    pruned_on: str | None = None

    @property
    def received_on(self) -> date:
        return datetime.fromisoformat(self.received_at).date()


@dataclass(frozen=True)
class Delivery:
    """A receipt and where its file lies. `path` is None when the file has since been replaced or taken away.

    `folder` is the receipt's folder relative to the raw folder, `refusal` what already keeps the file from being read,
    `duplicate_names` further files with the same content, `stamp` size and time of the file when it was hashed,
    `received_again` the moments at which the same content came once more under the same name.
    """

    receipt: Receipt
    folder: str
    path: Path | None
    receipt_path: Path | None
    refusal: Refusal | None = None
    duplicate_names: tuple[str, ...] = ()
    stamp: tuple[int, int] | None = None
    received_again: tuple[str, ...] = ()

    @property
    def delivery_id(self) -> str:
        return self.receipt.delivery_id

    @property
    def shown_name(self) -> str:
        """The name as it is told: without what reaches a person, so that two files may be told alike."""
        return _told("/".join(self.place) if self.folder not in ("", ".") else self.receipt.file_name)

    @property
    def place(self) -> tuple[str, str]:
        """Folder and name as they are: what tells one file from another."""
        return self.folder, self.receipt.file_name

    def as_known_on(self, day: date | None) -> Delivery:
        """The delivery with the last of its receipts up to that day: what is sent again takes its place again."""
        moments = [m for m in self.received_again if day is None or datetime.fromisoformat(m).date() <= day]
        return replace(self, receipt=replace(self.receipt, received_at=max(moments))) if moments else self


def _told(name: str) -> str:
    return printable(without_personal(name))


def delivery_id_of(sha256: str) -> str:
    return sha256[:16]


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def stamp_of(path: Path) -> tuple[int, int]:
    """Size and time of the last change: the same stamp, the same content."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def utc_now() -> str:
    return _written(datetime.now(UTC))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment_on(day: date) -> str:
    """The moment to write for a day of receipt: noon, but never one to come, which would outrank what comes until then.

    Raises UsageProblem for a day before the first month or after today.
    """
    today = datetime.fromisoformat(utc_now()).astimezone(CITY_TIME).date()
    if not FIRST_DAY <= day <= today:
        raise UsageProblem(
            f"expected a day of receipt from {FIRST_DAY} to today, {today}; found {day}",
            "correct --received; if it is right, set the clock of this machine",
        )
    return min(f"{day}T12:00:00Z", utc_now())


def land_all(raw: Path, index_path: Path) -> list[Delivery]:
    """Every delivery known in the raw folder, in order of receipt; files without a receipt get one now.

    `index_path` keeps what was hashed before, so that unchanged files are not read again. Raises UsageProblem when
    the raw folder is not there or a receipt cannot be written.
    """
    if not raw.is_dir():
        raise UsageProblem(f"no folder {printable(raw)}", "name the folder of the deliveries with --raw DIR")
    if index_path.resolve().is_relative_to(raw.resolve()):
        raise UsageProblem(f"the warehouse lies in the raw folder {printable(raw)}", "choose another --out DIR")
    index = _read_index(index_path)
    found = [_land(path, raw, index) for path in _files(raw)]
    _write_index(index_path, index, found)
    known = [*found, *_replaced(raw, {d.receipt_path for d in found})]
    return sorted(_without_duplicates(known), key=lambda d: (d.receipt.received_at, d.delivery_id))


def _files(raw: Path) -> Iterator[Path]:
    """All that must get a verdict: files, links, folders that cannot be opened, and empty ones named like a file."""
    closed: list[Path] = []
    for folder, folders, names in os.walk(raw, onerror=lambda error: closed.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *linked]):
            if not _is_hidden(name) and not name.endswith(RECEIPT_ENDING) and name.lower() not in NO_DELIVERIES:
                yield Path(folder) / name
        if not names and not folders and LIKE_A_FILE.fullmatch(folder) and Path(folder) != raw:
            yield Path(folder)
    if raw in closed:
        raise UsageProblem(f"{printable(raw)} cannot be opened", "give read permission on the raw folder")
    yield from closed


def names_by_sha256(raw: Path, index_path: Path) -> dict[str, list[Path]]:
    """The plain files of the raw folder by the hash of their content, as `land_all` has just noted it."""
    found: dict[str, list[Path]] = {}
    for name, entry in _read_index(index_path).items():
        path = raw / name
        if path.is_file() and not path.is_symlink():
            found.setdefault(entry["sha256"], []).append(path)
    return found


def receipts_of(raw: Path, delivery_id: str) -> list[Path]:
    """Where the receipts of a delivery lie: more than one when the same content came again."""
    found = []
    for path in sorted(raw.rglob(f"*{RECEIPT_ENDING}")):
        with suppress(Refusal):
            if not _is_hidden(path.name) and read_receipt(path).delivery_id == delivery_id:
                found.append(path)
    return found


def pruned_on(raw: Path) -> dict[str, str]:
    """The hash of each file that was removed because its time was over, by its receipt, with the day."""
    found = {}
    for path in raw.rglob(f"*{RECEIPT_ENDING}"):
        with suppress(Refusal):
            receipt = read_receipt(path)
            if receipt.pruned_on:
                found[receipt.sha256] = receipt.pruned_on
    return found


def plain_files(raw: Path) -> list[Path]:
    """The files of the raw folder that can be deliveries, without links. Raises UsageProblem when it cannot be opened."""
    if not raw.is_dir():
        raise UsageProblem(f"no folder {printable(raw)}", "name the folder of the deliveries with --raw DIR")
    return [path for path in _files(raw) if path.is_file() and not path.is_symlink()]


def _is_hidden(name: str) -> bool:
    """Files of the system, of an open office program, our own unfinished ones; a name that begins with .. is none."""
    return name.startswith("~$") or (name.startswith(".") and (not name.startswith("..") or name.endswith(".partial")))


def _land(path: Path, raw: Path, index: dict) -> Delivery:
    folder = str(path.parent.relative_to(raw))
    try:
        problem = _no_plain_file(path, raw)
        if problem is None:
            stamp = stamp_of(path)
            return replace(_with_receipt(path, folder, _known_sha256(path, raw, index)), stamp=stamp)
    except Refusal as refusal:
        problem = refusal
    except OSError as error:
        problem = unreadable(error)
    # without content there is no hash: such a file is known by its name alone and gets no receipt
    stand_in = hashlib.sha256(f"{folder}/{path.name}".encode("utf-8", "surrogateescape")).hexdigest()
    receipt = Receipt(delivery_id_of(stand_in), _safe(path.name), "", 0, _seen_at(path))
    return Delivery(receipt, folder, path, None, problem)


def _seen_at(path: Path) -> str:
    """When a file came that has no receipt, by the times of the file itself.

    Nobody states these, so one that cannot be gives way: the last change to the change of its entry in the folder, which
    no program sets and which stays the same from run to run, and this one to now.
    """
    now = utc_now()
    with suppress(OSError):  # gone meanwhile
        facts = path.lstat()
        for seconds in (facts.st_mtime, facts.st_ctime):
            with suppress(OSError, ValueError, OverflowError):  # a time that no calendar has
                seen = _written(datetime.fromtimestamp(seconds, UTC))
                if str(FIRST_DAY) <= seen <= now:
                    return seen
    return now


def unreadable(error: OSError) -> Refusal:
    """Why a file could not be opened or read to its end."""
    if isinstance(error, PermissionError):
        return Refusal("unreadable", "a file that can be opened", "one that may not", "mend its permissions")
    if isinstance(error, FileNotFoundError):
        return Refusal("unreadable", "a file that can be opened", "one that is gone", "put it back, and run again")
    if error.errno == errno.ENAMETOOLONG:
        return _name_too_long()
    return Refusal("unreadable", "a file that can be read", os.strerror(error.errno or errno.EIO), "send it again")


def _name_too_long() -> Refusal:
    return Refusal("name_too_long", "a file name of at most 200 bytes", "a longer one", "shorten the file's name")


def _no_plain_file(path: Path, raw: Path) -> Refusal | None:
    if path.is_symlink():
        target = Path(os.path.realpath(path))  # of a link to itself: the link
        if not target.is_relative_to(raw.resolve()) or not target.is_file():
            return Refusal(
                "symbolic_link",
                "a file",
                "a symbolic link that leads out of the raw folder or nowhere",
                "copy the file itself into the folder",
            )
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return Refusal(
            "no_file",
            "a file, or a folder with files",
            "a folder that is empty or may not be opened",
            "put the file itself there, or mend the folder's permissions",
        )
    if not stat.S_ISREG(mode):
        return Refusal("no_file", "a file", "a device, pipe or socket", "copy the file itself into the folder")
    return None


def _safe(name: str) -> str:
    """The name as text that any encoding takes: bytes that are no UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _known_sha256(path: Path, raw: Path, index: dict) -> str:
    facts = path.stat()
    stamp = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
    key = _safe(str(path.relative_to(raw)))
    entry = index.get(key)
    if entry is None or entry["stamp"] != stamp:
        entry = {"stamp": stamp, "sha256": sha256_of(path)}
        index[key] = entry
    return entry["sha256"]


def _with_receipt(path: Path, folder: str, sha256: str) -> Delivery:
    receipt_path = path.with_name(path.name + RECEIPT_ENDING)
    receipt = read_receipt(receipt_path) if receipt_path.exists() else None
    if receipt is not None and receipt.sha256 != sha256:
        # the file was replaced: what was received before stays known
        _set_aside(receipt_path, path.with_name(f"{path.name}.{receipt.sha256[:8]}{RECEIPT_ENDING}"))
        receipt = None
    if receipt is None:
        receipt = new_receipt(path, sha256)
        write_receipt(receipt_path, receipt)
    problem = _out_of_time(receipt, receipt_path)
    if problem is not None:
        raise problem
    return Delivery(receipt, folder, path, receipt_path)


def _out_of_time(receipt: Receipt, path: Path) -> Refusal | None:
    """Why the moment of a receipt cannot be: the newest receipt is the day that a release speaks of, and outranks the others.

    The moment itself is not told: a verdict is kept for as long as its code is the same, whatever else is written there.
    """
    place = f"received_at in {_told(path.name)}"
    if receipt.received_on < FIRST_DAY:
        return Refusal(
            "receipt_too_early",
            f"a day of receipt from {FIRST_DAY} on",
            f"an earlier one ({place})",
            "correct received_at in the receipt, or delete the receipt and the file is received anew",
        )
    if datetime.fromisoformat(receipt.received_at) > datetime.fromisoformat(utc_now()) + CLOCK_SLACK:
        return Refusal(
            "receipt_ahead",
            "a day of receipt up to today, by the clock of this machine",
            f"a later one ({place})",
            "look at the clock of this machine first (`date`); if it is right, correct received_at in the receipt, or delete"
            " the receipt and the file is received anew",
        )
    return None


def _set_aside(receipt_path: Path, target: Path) -> None:
    try:
        os.replace(receipt_path, target)
    except OSError as error:
        raise _cannot_write(target, error) from None


def new_receipt(path: Path, sha256: str, received_at: str | None = None, sender: str | None = None) -> Receipt:
    """A receipt for a file as it is now; the edition is taken from its name when it is there."""
    return Receipt(
        delivery_id=delivery_id_of(sha256),
        file_name=_safe(path.name),
        sha256=sha256,
        bytes=path.stat().st_size,
        received_at=received_at or utc_now(),
        sender=sender and _safe(sender),
        edition_date=edition_in(path.name),
    )


def edition_in(name: str) -> str | None:
    """The date on which an edition was produced, from the publisher's file names (`…-produit-le2025-01-26.csv`)."""
    found = EDITION_IN_NAME.search(name)
    if found is None:
        return None
    try:
        return date(*(int(part) for part in found.groups())).isoformat()
    except ValueError:
        return None


def read_receipt(path: Path) -> Receipt:
    """The receipt in a file. Raises Refusal when it cannot be read as one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {f.name for f in fields(Receipt)}
        return _checked(Receipt(**{name: value for name, value in content.items() if name in known}))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, OSError):
        raise Refusal(
            "broken_receipt",
            "a receipt that can be read (JSON with delivery_id, file_name, sha256, bytes, received_at)",
            f"{_told(path.name)}, which is none",
            "mend the receipt, or delete it and the file is received anew",
        ) from None


def _checked(receipt: Receipt) -> Receipt:
    """The receipt with its moment in UTC. Its id names files of ours, so each entry must be what it is meant to be.

    Raises ValueError or OverflowError.
    """
    for entry in fields(Receipt):
        value = getattr(receipt, entry.name)
        if not isinstance(value, KINDS[entry.type]):
            raise ValueError(f"{entry.name} is of another kind")
        if isinstance(value, str):
            value.encode("utf-8")  # JSON can hold half a character
    if not re.fullmatch("[0-9a-f]{64}", receipt.sha256) or receipt.delivery_id != delivery_id_of(receipt.sha256):
        raise ValueError("delivery_id does not follow from sha256")
    moment = datetime.fromisoformat(receipt.received_at)
    if moment.tzinfo is None:
        raise ValueError("received_at has no time zone")
    utc = _written(moment)
    edition = receipt.edition_date and date.fromisoformat(receipt.edition_date).isoformat()
    return replace(receipt, received_at=utc, edition_date=edition or None)


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Write whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(asdict(receipt), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        _open_like_its_file(partial, path)
        os.replace(partial, path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _name_too_long() from None
        with suppress(OSError):
            partial.unlink()
        raise _cannot_write(path, error) from None


def _open_like_its_file(partial: Path, path: Path) -> None:
    """Whoever may read a file, or the receipt before, may read its receipt: the raw folder belongs to those who fill it."""
    for model in (path, path.with_name(path.name.removesuffix(RECEIPT_ENDING))):
        with suppress(OSError):
            partial.chmod((model.stat().st_mode & 0o666) | 0o600)
            return


def _cannot_write(path: Path, error: OSError) -> UsageProblem:
    return UsageProblem(
        f"the receipt {printable(path)} cannot be written ({error.strerror})",
        "receipts stand beside the files: give write permission on the raw folder, or copy it",
    )


def _replaced(raw: Path, present: set[Path | None]) -> Iterator[Delivery]:
    """Receipts that stand beside no file of their content: it was replaced, taken away, or received before."""
    for receipt_path in sorted(raw.rglob(f"*{RECEIPT_ENDING}")):
        if _is_hidden(receipt_path.name) or receipt_path.is_symlink():
            continue
        try:
            receipt = read_receipt(receipt_path)
        except Refusal:
            continue  # its file, when it is there, is refused for it
        # of one that is out of time it is as of a broken one: its file, when it is there, is refused for it
        if receipt_path not in present and _out_of_time(receipt, receipt_path) is None:
            yield Delivery(receipt, str(receipt_path.parent.relative_to(raw)), None, receipt_path)


def _without_duplicates(deliveries: list[Delivery]) -> Iterator[Delivery]:
    """The same content landed twice is one delivery, known from its first receipt on."""
    by_id: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        by_id.setdefault(delivery.delivery_id, []).append(delivery)
    for copies in by_id.values():
        first, *others = sorted(copies, key=lambda d: (d.receipt.received_at, d.path is None, d.place))
        present = next((d for d in (first, *others) if d.path is not None), first)
        names = tuple(d.shown_name for d in others if d.path is not None and d.place != first.place)
        again = tuple(d.receipt.received_at for d in others if d.place == first.place)
        yield replace(first, path=present.path, stamp=present.stamp, duplicate_names=names, received_again=again)


def _read_index(path: Path) -> dict:
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        return {name: {"stamp": entry["stamp"], "sha256": entry["sha256"]} for name, entry in index.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # all is hashed again


def _write_index(path: Path, index: dict, found: list[Delivery]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(index, ensure_ascii=False, sort_keys=True)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def land_file(file: Path, target: Path, received_at: str | None, sender: str | None) -> Path:
    """Copy a file into the folder `target` with its receipt; return where it lies.

    The same content already there is left alone. Another content under the same name gets its hash into the file
    name, so that nothing received is ever overwritten; its receipt keeps the name it was sent under.
    """
    sha256 = sha256_of(file)
    name = file.name.lstrip(".") or "delivery"
    if name.endswith(RECEIPT_ENDING):
        raise UsageProblem(f"{printable(file)} is a receipt", "land the file it belongs to")
    place = target / name
    if place.exists() and sha256_of(place) != sha256:
        place = target / f"{Path(name).stem}.{sha256[:8]}{''.join(Path(name).suffixes[-1:])}"
    target.mkdir(parents=True, exist_ok=True)
    receipt_path = place.with_name(place.name + RECEIPT_ENDING)
    if place.exists() and receipt_path.exists():
        return place
    _copy(file, place)
    receipt = replace(
        new_receipt(place, sha256, received_at, sender), file_name=_safe(name), edition_date=edition_in(name)
    )
    write_receipt(receipt_path, receipt)
    return place


def receive_again(known: Delivery, moment: str | None) -> Path:
    """Write a further receipt for content that is here already; return where the file lies."""
    receipt = replace(known.receipt, received_at=moment or utc_now())
    when = re.sub(r"\D", "", receipt.received_at)
    write_receipt(known.path.with_name(f"{known.path.name}.{when}{RECEIPT_ENDING}"), receipt)
    return known.path


def _copy(file: Path, place: Path) -> None:
    import shutil

    partial = place.with_name(f".{place.name}.partial")
    shutil.copyfile(file, partial)
    os.replace(partial, place)


def with_receipts_read_again(deliveries: tuple[Delivery, ...]) -> list[Delivery]:
    """The deliveries with their receipts as they stand now, completed or corrected since; one that is gone since, or broken,
    stands as it was: the next run finds out."""

    def again(delivery: Delivery) -> Receipt:
        with suppress(Refusal):
            return read_receipt(delivery.receipt_path)
        return delivery.receipt

    return [replace(d, receipt=again(d)) if d.receipt_path else d for d in deliveries]


def complete_receipt(delivery: Delivery, contract: str, licence: str, citation: str) -> None:
    """Write the contract into a receipt that does not name one yet; one that is gone by now is not made anew."""
    if delivery.receipt_path is None or delivery.receipt.contract is not None:
        return
    try:
        received = read_receipt(delivery.receipt_path)  # the delivery may carry the moment of a later one
    except Refusal:
        return
    receipt = replace(
        received,
        contract=contract,
        licence=received.licence or licence,
        citation=received.citation or citation,
    )
    write_receipt(delivery.receipt_path, receipt)
