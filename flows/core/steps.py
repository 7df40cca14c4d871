"""The steps of a run, each a plain function over the modules that do the work."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from flows.core import (
    ahead,
    at_hand,
    beside,
    chain,
    hands,
    history,
    landing,
    ledger,
    open_databases,
    permissions,
    publishing,
    withheld,
)
from flows.core.errors import (
    BarometerError,
    LockHeld,
    NotChecked,
    NothingToPublish,
    StorageProblem,
    UsageProblem,
    tells_of_full_disk,
)
from flows.core.landing import Delivery
from flows.core.reading import codebook
from flows.core.reading.codebook import NOTHING_LISTED, Codebook
from flows.settings import Settings


class Progress:
    """What a run tells while it works; this one is silent. `total` is None where it is not known beforehand."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new part of the run begins."""

    def advance(self, what: str) -> None:
        """One more piece of the part is being worked on."""


@dataclass(frozen=True)
class Run:
    """What a run starts from: the deliveries known on its day, and the hash of all that the release depends on."""

    deliveries: tuple[Delivery, ...]
    as_of: date
    code_version: str
    inputs_key: str
    is_unchanged: bool
    codebook: Codebook = NOTHING_LISTED

    @property
    def run_id(self) -> str:
        return self.inputs_key[:12]

    @property
    def largest_first(self) -> list[Delivery]:
        """The order of reading: the longest reading hides the import of Great Expectations, which goes on meanwhile."""
        return sorted(self.deliveries, key=lambda d: (-d.receipt.bytes, d.delivery_id))


@dataclass(frozen=True)
class DeliveryLine:
    """One line of the table that a run ends with. `is_withdrawn`: its file was since replaced or taken away.

    `standing` tells whether what was found in it is new or known from the release before (see `history.of_delivery`).
    """

    file_name: str
    contract: str | None
    verdict: str
    rows_read: int | None
    rows_accepted: int | None
    rows_quarantined: int | None
    note: str = ""
    is_withdrawn: bool = False
    standing: str = ""

    @property
    def is_known(self) -> bool:
        return self.standing.startswith(history.KNOWN)


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `release` is the release's folder; None when it was built but not published.

    `warnings` are those of the tables, new ones first; `known_warnings` those of them that stood in the release before,
    `new_letters` how many letters to senders have not been written before.
    """

    release: Path | None
    is_unchanged: bool
    deliveries: tuple[DeliveryLine, ...]
    run_id: str
    built_tables: tuple[str, ...] = ()
    reused_tables: tuple[str, ...] = ()
    removed_releases: tuple[str, ...] = ()
    candidate: Path | None = None
    warnings: tuple[str, ...] = field(default=())
    known_warnings: tuple[str, ...] = field(default=())
    new_letters: int = 0

    @property
    def has_refused(self) -> bool:
        return any(self.lines_with(verdict) for verdict in ("refused", "not_checked"))

    def lines_with(self, verdict: str) -> list[DeliveryLine]:
        """The deliveries with that verdict that somebody has still to look at: a bad file that was mended is on record only."""
        return [line for line in self.deliveries if line.verdict == verdict and not line.is_withdrawn]


@contextmanager
def alone(settings: Settings, progress: Progress) -> Iterator[None]:
    """Hold the warehouse's lock: one run at a time. Raises LockHeld that says who holds it after the wait."""
    from filelock import FileLock, Timeout

    if settings.raw.resolve().is_relative_to(settings.out.resolve()):
        # what is built there is removed and made anew: deliveries would go with it
        raise UsageProblem(
            f"the raw folder {settings.raw} lies inside the warehouse {settings.out}",
            "keep them apart: choose --raw or --out",
        )
    if "?" in str(settings.out.absolute()):
        # DuckDB takes it for the beginning of what an address asks for, and looks for its log elsewhere
        raise UsageProblem(
            f"the path of the warehouse {settings.out} has a question mark", "choose --out DIR without one"
        )
    try:
        if not settings.out.is_dir():
            settings.out.mkdir(parents=True)
            settings.out.chmod(permissions.PUBLIC_FOLDER)  # the way to the releases; an older folder stays as it is
        lock = FileLock(settings.lock)
        holder = settings.lock.with_suffix(".holder.json")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.stage(f"waiting for {_holder(holder)}")
            lock.acquire(timeout=settings.lock_wait_seconds)
    except Timeout:
        raise LockHeld(
            f"another run holds the warehouse: {_holder(holder)}",
            f"wait until it ends, or raise BAROMETER_LOCK_WAIT_SECONDS (now {settings.lock_wait_seconds:g})",
        ) from None
    except OSError as error:
        raise UsageProblem(
            f"the warehouse {settings.out} cannot be written ({error.strerror})", "choose --out DIR"
        ) from None
    try:
        command = os.path.basename(sys.argv[0]) if sys.argv else "python"
        holder.write_text(
            json.dumps(
                {"pid": os.getpid(), "host": socket.gethostname(), "since": landing.utc_now(), "command": command}
            )
        )
        publishing.expect_link(settings.current)
        with permissions.closed(settings):
            _clear_leftovers(settings)
            yield
    except Exception as error:
        if not isinstance(error, BarometerError) and tells_of_full_disk(error):
            reason = " ".join(str(error).split())[:200]
            raise StorageProblem(f"the warehouse cannot be written ({reason})", "free space, then run again") from None
        raise
    finally:
        ahead.stop(_interrupt_queries)
        beside.stop()
        open_databases.close_all()
        holder.unlink(missing_ok=True)
        lock.release()


def _interrupt_queries() -> None:
    """Interrupt what is asked of the connections of admission; a closed one has nothing to interrupt."""
    from duckdb import ConnectionException

    from flows.core import admission

    for con in list(admission.connections):
        with suppress(ConnectionException):
            con.interrupt()


def _holder(path: Path) -> str:
    told = ledger.read_json(path)
    if told is None:
        return "another run"
    return f"{told['command']} (process {told['pid']} on {told['host']}, since {told['since']})"


def _clear_leftovers(settings: Settings) -> None:
    """What a killed run left behind."""
    if settings.work.is_dir():
        shutil.rmtree(settings.work, ignore_errors=True)
    else:
        settings.work.unlink(missing_ok=True)
    for folder in settings.releases.glob(".removing-*"):
        shutil.rmtree(folder, ignore_errors=True)
    for place in (settings.staged, settings.quarantine, settings.verdicts):
        for partial in place.rglob("*.partial"):
            partial.unlink(missing_ok=True)


def land(settings: Settings, progress: Progress) -> Run:
    """Receive what lies in the raw folder, and see whether anything at all has changed."""
    progress.stage("land")
    everything = landing.land_all(settings.raw, settings.out / "raw_index.json")
    deliveries = ledger.known_on(everything, settings.as_of)
    if everything and not deliveries:
        raise NothingToPublish(
            f"no delivery in {settings.raw} was received by {settings.as_of}", "choose a later day with --as-of"
        )
    if not deliveries:
        raise NothingToPublish(
            f"no delivery in {settings.raw}", "put files there, or name another folder with --raw DIR"
        )
    code = ledger.code_version(settings.sql)
    key = ledger.inputs_key(deliveries, code, settings.as_of, _settings_text(settings))
    as_of = settings.as_of or max(d.receipt.received_on for d in deliveries)
    is_unchanged = settings.publish and _is_current(settings, key, deliveries)
    is_traced = _has_code(settings, code) or at_hand.has_lineage(code)
    if not is_unchanged and settings.threads > 1 and not is_traced:
        beside.start(settings.sql, settings.kept)
    book = NOTHING_LISTED if is_unchanged else _codebook(settings, deliveries)
    return Run(tuple(deliveries), as_of, code, key, is_unchanged, book)


def _codebook(settings: Settings, deliveries: list[Delivery]) -> Codebook:
    structures = codebook.known_structures(deliveries, settings.verdicts, settings.staged)
    return codebook.load_codebook(settings.sql, structures)


def _settings_text(settings: Settings) -> str:
    """The settings that bear on what is admitted."""
    names = (
        "numbered_below_bytes",
        "max_unpacked_bytes",
        "max_workbook_bytes",
        "max_line_bytes",
        "max_quarantined_share",
    )
    return json.dumps({name: getattr(settings, name) for name in names})


def _is_current(settings: Settings, key: str, deliveries: list[Delivery]) -> bool:
    release = publishing.current_release(settings.current)
    if release is None:
        return False
    manifest = ledger.read_json(release / "manifest.json")
    if manifest is None or not (release / "campaign.duckdb").is_file() or not _is_database(settings.internal):
        return False
    record = settings.runs / f"{release.name}.json"
    if not record.is_file():  # killed between publishing and writing down what was published
        return False
    if any(d.path and not (settings.verdicts / f"{d.delivery_id}.json").is_file() for d in deliveries):
        return False  # what was refused for a reason of the moment has no verdict that lasts
    return (manifest.get("inputs_key"), manifest.get("receipts_key")) == (key, ledger.receipts_key(deliveries))


def _is_database(path: Path) -> bool:
    """Whether a file looks like one of DuckDB's, without opening it."""
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == b"DUCK"
    except OSError:
        return False


def _has_code(settings: Settings, code: str) -> bool:
    """Whether the current release was made with this code, so that what depends on the code alone is there already."""
    release = publishing.current_release(settings.current)
    manifest = ledger.read_json(release / "manifest.json") if release else None
    return bool(manifest) and manifest.get("code_version") == code


def unchanged(settings: Settings, run: Run) -> Outcome:
    """Nothing to do: tell again what the current release holds."""
    release = publishing.current_release(settings.current)
    return Outcome(release, True, recorded_lines(settings, release), run.run_id)


def recorded_lines(settings: Settings, release: Path) -> tuple[DeliveryLine, ...]:
    """The lines of the table that a release's own run ended with, without their notes.

    The run's record has exact counts; where it is gone, the manifest tells what everybody may see.
    """
    told = ledger.read_json(settings.runs / f"{release.name}.json") or ledger.read_json(release / chain.MANIFEST) or {}
    names = ("file_name", "contract", "verdict", "rows_read", "rows_accepted", "rows_quarantined")
    entries = told.get("deliveries", [])
    return tuple(DeliveryLine(*(e[n] for n in names), is_withdrawn=e.get("is_withdrawn", False)) for e in entries)


def admit(settings: Settings, run: Run, delivery: Delivery, progress: Progress):
    """The verdict on one delivery: the one it got before when nothing that it depends on has changed, else a new one."""
    from flows.core import admission
    from flows.core.contracts import load_contracts

    if delivery is run.largest_first[0]:
        progress.stage("admit", len(run.deliveries))
    progress.advance(delivery.shown_name)
    contracts = load_contracts(settings.sql / "0_sources")
    path = settings.verdicts / f"{delivery.delivery_id}.json"
    key_of = verdict_key(settings, run, delivery)
    kept = admission.load_verdict(path, key_of, settings.staged)
    if kept is not None:
        return kept
    if delivery.path is None:
        return _known_only(settings, run, delivery, path)
    _admit_others_beside(settings, run)
    verdict = ahead.take(delivery)
    if verdict is None:
        verdict = admission.admit(delivery, contracts, room(settings, run.codebook))
    if delivery.refusal is None and admission.is_of_the_moment(verdict):
        path.unlink(missing_ok=True)  # it is looked at again by the next run
    else:
        admission.save_verdict(path, verdict, key_of(verdict.contract))
    if verdict.contract is not None:
        contract = contracts[verdict.contract]
        landing.complete_receipt(delivery, contract.name, contract.licence, contract.citation)
    return verdict


def _admit_others_beside(settings: Settings, run: Run) -> None:
    """Where there are processors to spare, begin with other deliveries that need a verdict: at the first one that does."""
    from flows.core import admission
    from flows.core.contracts import load_contracts

    if settings.threads < 2 or not ahead.begin():
        return
    contracts, place = load_contracts(settings.sql / "0_sources"), room(settings, run.codebook)

    def is_new(delivery: Delivery) -> bool:
        kept = settings.verdicts / f"{delivery.delivery_id}.json"
        return admission.load_verdict(kept, verdict_key(settings, run, delivery), settings.staged) is None

    def admit_here(delivery: Delivery):
        return admission.admit(delivery, contracts, place)

    _, *others = [d for d in run.largest_first if d.path is not None and is_new(d)]
    large = [d for d in others if d.receipt.bytes >= ahead.LARGE_BYTES]
    small = others[len(large) :]
    if large:
        ahead.start(large, admit_here)
    if len(small) >= hands.MANY:
        # from the smallest on: the run comes from the other end
        hands.hand_out(small[::-1], settings.sql, place, hands.to_spare(settings.threads), admit_here)


def verdict_key(settings: Settings, run: Run, delivery: Delivery) -> Callable[[str | None], str]:
    """Today's key of a delivery's verdict by the name of its contract: everything that the verdict depends on."""
    from flows.core.contracts import load_contracts

    contracts = load_contracts(settings.sql / "0_sources")
    reader = ledger.reader_version(_settings_text(settings))

    def key_of(contract: str | None) -> str:
        # a file that answers to no contract is looked at again when any contract changes
        known = contracts.get(contract or "")
        versions = known.version if known else ",".join(c.version for c in contracts.values())
        refusal = delivery.refusal.code if delivery.refusal else ""
        # what a structure file says may also turn a refused export into one that can be admitted
        book = f":{run.codebook.version}" if contract in (codebook.CONTRACT, None) else ""
        return f"{reader}:{versions}:{refusal}{book}"

    return key_of


def _known_only(settings: Settings, run: Run, delivery: Delivery, path: Path):
    """A delivery whose file was replaced or taken away: it stays known, and what was accepted of it before holds."""
    from flows.core import admission
    from flows.core.errors import Refusal

    before = ledger.read_json(path)
    if before is not None and before.get("staged"):
        kept = admission.load_verdict(path, lambda _: before["key"], settings.staged)
        if kept is not None and kept.contract == codebook.CONTRACT:
            kept = _withheld_again(settings, run, kept, path, before["key"])
        if kept is not None:
            since = (
                f" (removed on {delivery.receipt.pruned_on}: its time was over)" if delivery.receipt.pruned_on else ""
            )
            told = f"the file is gone{since}: judged by version {kept.contract_version} of its contract, cannot be read again"
            return replace(kept, notes=(*kept.notes, told))
    refusal = Refusal(
        "file_gone",
        "the file that the receipt speaks of",
        "only its receipt",
        "put the file back, or leave the receipt as a record that it was once received",
    )
    return admission.Verdict(delivery.delivery_id, None, "", "refused", refusal=refusal.as_dict())


def _withheld_again(settings: Settings, run: Run, kept, path: Path, key: str):
    """The verdict on answers that cannot be read again, without values that today's codebook does not list."""
    from flows.core import admission

    old = settings.staged / kept.staged
    new = old.with_name(f"{kept.delivery_id}-{kept.contract_version}-{run.codebook.version}.parquet")
    if new == old:
        return kept
    codebook.withhold_again(old, new.with_suffix(".partial"), run.codebook)
    os.replace(new.with_suffix(".partial"), new)
    verdict = replace(kept, staged=str(new.relative_to(settings.staged)))
    admission.save_verdict(path, verdict, key)
    old.unlink()
    return verdict


def room(settings: Settings, book: Codebook | None = None):
    """Where admission works, from the settings; the codebook is that of the register alone unless one is given."""
    from flows.core.admission import Room
    from flows.core.reading import Limits

    limits = Limits(
        settings.max_unpacked_bytes, settings.max_workbook_bytes, settings.max_line_bytes, settings.numbered_below_bytes
    )
    return Room(
        settings.staged,
        settings.quarantine,
        settings.work,
        limits,
        settings.threads,
        settings.memory_limit,
        settings.max_quarantined_share,
        book or codebook.load_codebook(settings.sql),
    )


def build(settings: Settings, run: Run, verdicts: list, progress: Progress):
    """Run the models into a fresh release. Raises NotChecked when a delivery's critical expectation did not run."""
    from flows.core import building
    from flows.core.contracts import load_contracts

    contracts = load_contracts(settings.sql / "0_sources")
    rows = ledger.judged(list(run.deliveries), {v.delivery_id: v for v in verdicts}, contracts)
    unchecked = [_unchecked(row) for row in rows if row.verdict.verdict == "not_checked"]
    if unchecked:
        raise NotChecked(
            "critical expectations on deliveries did not run: " + "; ".join(unchecked),
            "nothing is published; mend the contract, or the library's adapter in flows/core/validation.py",
        )
    if not any(row.is_in_force for row in rows):
        raise NothingToPublish(
            "no delivery was admitted: " + "; ".join(_why(row) for row in rows[:5]),
            "mend the files that were refused (see `barometer check FILE`) and run again",
        )
    progress.stage("build")
    previous = publishing.current_release(settings.current)
    shop = _workshop(settings)
    started = building.start(rows, contracts, shop, run.run_id, run.as_of, run.code_version, previous)
    building.build_tables(started, shop, progress.advance)
    return started


def _unchecked(row: ledger.Judged) -> str:
    told = (
        f"{check['expectation_id']} ({check['problem']})"
        for check in row.verdict.checks
        if check["verdict"] == "not_checked" and check["severity"] == "critical"
    )
    return f"{row.delivery.shown_name}: {', '.join(told)}"


def _why(row: ledger.Judged) -> str:
    reason = ledger.refusal_text(row.verdict.refusal) if row.verdict.refusal else row.verdict.verdict
    return f"{row.delivery.shown_name}: {reason}"


def _workshop(settings: Settings):
    from flows.core.building import Workshop

    return Workshop(
        settings.sql,
        settings.staged,
        settings.work,
        settings.kept,
        settings.protection,
        settings.runs,
        settings.threads,
        settings.memory_limit,
    )


def protect(settings: Settings, build, progress: Progress) -> None:
    """Prove that nobody can work a hidden count out. Raises WouldDisclose, with the cell and the way, where somebody can."""
    from flows.core import building, protecting

    progress.stage("protect")
    shop, con = _workshop(settings), build.con
    build.certificate = protecting.certify(build, con, lambda name: building.ensure(con, build, shop, name))


def verify(settings: Settings, build, progress: Progress) -> None:
    """Check what was built, then build and check what shows these results."""
    from flows.core import building

    progress.stage("verify")
    shop = _workshop(settings)
    late = building.late_models(build.graph)
    building.verify(build, shop, {m.name for m in build.graph.models} - late, progress.advance)
    building.tell_known(build)
    building.build_late_tables(build, shop, progress.advance)
    building.verify(build, shop, late, progress.advance)
    building.finish(build)
    building.tell_known(build)


def publish(settings: Settings, run: Run, build, progress: Progress) -> Outcome:
    """Complete the release and make it the current one (or, with --no-publish, leave it beside)."""
    from flows.core import building, internal, protecting
    from flows.core.contracts import load_contracts

    progress.stage("publish")
    contracts = load_contracts(settings.sql / "0_sources")
    new_letters = _write_letters(settings, build, contracts)
    shop, con = _workshop(settings), build.con
    place = candidate = None
    key = ledger.receipts_key(landing.with_receipts_read_again(run.deliveries))
    keys = (run.inputs_key, key)
    internal_database = build.work / "warehouse.duckdb"
    with _beside(settings.threads) as beside_this:
        if settings.publish:  # DuckDB copies tables while the pages are written in Python
            written = beside_this(internal.write, internal_database, con.cursor(), build, shop, contracts)
        tables = publishing.write_files(build, con, contracts, run.code_version, run.as_of, settings.sql)
        if settings.publish:  # now: the fingerprint of a large table may still be under way
            protecting.remember(build, con, settings.protection)
        manifest, taken = publishing.seal(build, con, tables, keys, run.code_version, run.as_of)
        if settings.publish:
            place = publishing.free_place(settings.releases, manifest["release"])
            written()
            named = beside_this(internal.name_release, internal_database, _facts(build, manifest, place.name))
        building.close(build)  # gives back the memory of all tables, which takes its time
        if settings.publish:
            named()
    removed: list[str] = []
    if settings.publish:
        ledger.write_json(withheld.path_of(settings.runs, place.name), taken)
        publishing.publish(build.folder, place, settings.current, (internal_database, settings.internal))
        removed = publishing.prune(settings.releases, settings.current, settings.kept_releases)
        for name in removed:
            withheld.path_of(settings.runs, name).unlink(missing_ok=True)
        building.forget_others(settings.kept, build)
        protecting.forget_others(settings.protection)
    else:
        candidate = settings.out / "candidate"
        shutil.rmtree(candidate, ignore_errors=True)
        os.rename(build.folder, candidate)
    shutil.rmtree(settings.work, ignore_errors=True)
    lines = tuple(_line(row, history.of_delivery(build.memory, row)) for row in build.rows)
    new_warnings, known_warnings = _warnings(build)
    built = tuple(name for name in manifest["tables"] if name not in build.reused)
    outcome = Outcome(
        place,
        False,
        lines,
        run.run_id,
        built,
        tuple(sorted(build.reused)),
        tuple(removed),
        candidate,
        (*new_warnings, *known_warnings),
        known_warnings,
        new_letters,
    )
    _record(settings, run, build, outcome, manifest["release"])
    return outcome


@contextmanager
def _beside(threads: int) -> Iterator[Callable[..., Callable[[], object]]]:
    """Give a function that calls another one beside what follows, where there is a processor for it, and else at once; what it
    returns gives the result."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:

        def call(function: Callable, *arguments: object) -> Callable[[], object]:
            begun = pool.submit(function, *arguments)
            if threads < 2:
                begun.result()
            return begun.result

        yield call


def _facts(build, manifest: dict, release: str) -> dict:
    """What the internal database tells of the release that it belongs to."""
    facts = {name: manifest[name] for name in ("created_at", "as_of", "run_id", "code_version")}
    return {"release": release, **facts, "manifest_sha256": chain.noted_hash(build.folder)}


def _write_letters(settings: Settings, build, contracts) -> int:
    from flows.core import letters

    folder = build.folder / letters.FOLDER
    return letters.write(folder, build.rows, contracts, settings.sql, settings.quarantine, build.previous)


def _line(row: ledger.Judged, standing: str) -> DeliveryLine:
    verdict = row.verdict
    notes = [ledger.refusal_text(verdict.refusal)] if verdict.refusal else [*_findings(verdict), *verdict.notes]
    is_withdrawn = row.delivery.path is None
    if is_withdrawn and verdict.refusal and verdict.refusal["code"] != "file_gone":
        notes = []  # it was mended or taken away since: audit.deliveries keeps what was wrong with it
    if row.superseded_by:
        notes.append(f"replaced by {row.superseded_by}")
    if row.delivery.duplicate_names:
        notes.append("the same content also as " + ", ".join(row.delivery.duplicate_names))
    return DeliveryLine(
        row.delivery.shown_name,
        verdict.contract,
        verdict.verdict,
        verdict.rows_read,
        verdict.rows_accepted,
        verdict.rows_quarantined,
        "; ".join(notes),
        is_withdrawn,
        standing,
    )


def _findings(verdict) -> Iterator[str]:
    """What was set aside, which expectations that only warn have failed, and which did not run."""
    for entry in verdict.quarantine:
        first = f", the first on line {entry['first_line']}" if entry["first_line"] is not None else ""
        yield f"{entry['rows']} set aside for {entry['reason']}{first}"
    for check in verdict.checks:
        if check["verdict"] == "not_checked":
            yield f"{check['expectation_id']}: not checked, it did not run ({check['problem']})"
        elif check["on_failure"] == "warn" and check["verdict"] == "failed":
            yield f"{check['expectation_id']}: {check['failed_rows']} rows"


def _warnings(build) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The warnings of the tables: those that are new, or of which nothing can be told, and those that stood before."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for name, checks in sorted(build.model_checks.items()):
        for check in checks:
            if check["verdict"] == "passed":
                continue
            told = history.of_check(build.memory, check)
            is_failed = check["verdict"] == "failed"
            ended = "failed" if is_failed else "not checked, it did not run"
            counted = f"{check['failed_rows']} rows" if is_failed else check["problem"]
            text = f"{name}: {check['expectation_id']} {ended} ({counted}{told and f'; {told}'}): {check['reason']}"
            found[told.startswith(history.KNOWN)].append(text)
    if narrowed := build.certificate.get("narrowed_before"):
        before = build.previous_manifest.get("certificate", {}).get("narrowed_before")
        text = (
            f"certificate: {narrowed} hidden counts are narrowed below their rule by what was published before, whatever this "
            "release shows (narrowed_before): what is left of their ranges is kept, and nothing published can be taken back"
        )
        found[before == narrowed].append(text)
    return tuple(found[False]), tuple(found[True])


def _record(settings: Settings, run: Run, build, outcome: Outcome, release: str) -> None:
    """One record for each run that built something; a run with nothing to do leaves none. Counts are exact: it is internal."""
    name = outcome.release.name if outcome.release else release
    record = {
        "run_id": run.run_id,
        "ended_at": landing.utc_now(),
        "release": name,
        "manifest_sha256": chain.noted_hash(outcome.release or outcome.candidate),
        "was_published": outcome.release is not None,
        "as_of": str(run.as_of),
        "code_version": run.code_version,
        "inputs_key": run.inputs_key,
        "built_tables": outcome.built_tables,
        "reused_tables": outcome.reused_tables,
        "deliveries": [publishing.delivery_entry(row) for row in build.rows],
        "warnings": outcome.warnings,
    }
    ledger.write_json(settings.runs / f"{name}.json", record)
