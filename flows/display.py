"""What a person sees: progress while a run works, its table of deliveries, verdicts and the status."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from flows import interrupts
from flows.core import ledger
from flows.core.steps import DeliveryLine, Outcome, Progress
from flows.settings import Settings

STAGES = {
    "land": "Receiving deliveries",
    "admit": "Reading and validating",
    "build": "Building the tables",
    "protect": "Proving that nothing hidden can be worked out",
    "verify": "Verifying what was built",
    "publish": "Publishing",
    "manifest": "Reading the manifest",
    "files": "Hashing every file",
    "fingerprints": "Deriving the fingerprints",
    "chain": "Following the chain",
    "raw files": "Hashing the raw files",
    "bundle": "Packing the bundle",
}
COLOURS = {"passed": "green", "warned": "yellow", "refused": "red", "not_checked": "magenta"}


WIDE = 160
"""Columns where the output goes into a file or a pipe, so that no line is broken there."""

NARROW = 100


def _console() -> Console:
    # a name may hold :cat: or [brackets], which are meant as they stand
    console = Console(emoji=False)
    return console if console.is_terminal else Console(width=WIDE, emoji=False)


class Shown(Progress):
    """Progress on standard error: a bar on a terminal, one line a stage elsewhere."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._console = Console(stderr=True, emoji=False)
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[what]}", style="dim", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = None

    def __enter__(self) -> Shown:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        interrupts.stop_if_pressed()
        text = STAGES.get(name, name[:1].upper() + name[1:])
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(text, total=total, what="")
        if not self._console.is_terminal:
            self._console.print(text + (f" ({total})" if total else ""), markup=False, soft_wrap=True)

    def advance(self, what: str) -> None:
        interrupts.stop_if_pressed()
        if self._task is not None:
            self._bar.update(self._task, advance=1, what=_short(what))

    def outcome(self, outcome: Outcome) -> None:
        """The end of a run: what became of each delivery, what to look at, where the result lies."""
        console = _console()
        if outcome.is_unchanged:
            _tell(console, f"Nothing changed since the current release: {outcome.release.name}")
        else:
            console.print(_deliveries(outcome.deliveries, console.width))
            for line in sorted(outcome.deliveries, key=_most_pressing_last):
                if line.note:
                    _say(console, _note(line))
            for warning in reversed(outcome.warnings):
                known = warning in outcome.known_warnings
                _say(
                    console, f"[dim]warning {_plain(warning)}[/]" if known else f"[yellow]warning[/] {_plain(warning)}"
                )
            built, reused = len(outcome.built_tables), len(outcome.reused_tables)
            _tell(console, f"{built} tables built, {reused} taken over unchanged.")
        refused = len(outcome.lines_with("refused"))
        if refused:
            _tell(console, f"[red]{refused} of {len(outcome.deliveries)} deliveries were refused.[/]")
        if outcome.new_letters:
            place = (outcome.release and self._settings.current) or outcome.candidate
            _tell(console, f"Letters to send: {outcome.new_letters}, listed in {place / 'letters' / 'index.txt'}")
        if outcome.release is not None:
            _tell(console, f"Published: {self._settings.current} -> {outcome.release.name}")
        else:
            _tell(console, f"Not published (as asked): {outcome.candidate}")


def _most_pressing_last(line: DeliveryLine) -> tuple[int, bool]:
    """What somebody has to look at stands nearest to the end, where it is read."""
    if line.is_withdrawn:
        return 0, False
    return list(COLOURS).index(line.verdict), not line.is_known


def _note(line: DeliveryLine) -> str:
    standing = f" ({_plain(line.standing)})" if line.standing and not line.is_withdrawn else ""
    text = f"{_plain(line.file_name)}{standing}: {_plain(line.note)}"
    is_settled = line.verdict == "passed" or line.is_withdrawn or line.is_known
    return f"[dim]{line.verdict} {text}[/]" if is_settled else f"[{COLOURS[line.verdict]}]{line.verdict}[/] {text}"


def _tell(console: Console, text: str) -> None:
    """A line as it is: a terminal breaks it, a log keeps it whole."""
    console.print(text, highlight=False, soft_wrap=True)


def _say(console: Console, text: str) -> None:
    """Prose: a terminal breaks it between words, a log keeps it whole."""
    console.print(text, highlight=False, soft_wrap=not console.is_terminal)


def _short(text: str) -> str:
    return text if len(text) <= 48 else "…" + text[-47:]


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _deliveries(lines: tuple[DeliveryLine, ...], width: int) -> Table:
    """The table of deliveries; a narrow screen has no room for the contracts beside the names."""
    is_wide = width >= NARROW
    table = Table(title="Deliveries", title_justify="left")
    table.add_column("file", overflow="fold")
    if is_wide:
        table.add_column("contract")
    for name in ("read", "accepted", "quarantined"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for line in lines:
        counts = (
            "hidden" if n is None else f"{n:,}".replace(",", " ")
            for n in (line.rows_read, line.rows_accepted, line.rows_quarantined)
        )
        verdict = f"[{COLOURS[line.verdict]}]{line.verdict}[/]" + (
            " [dim](file since withdrawn)[/]" if line.is_withdrawn else ""
        )
        contract = [line.contract or "–"] if is_wide else []
        table.add_row(_plain(line.file_name), *contract, *counts, verdict)
    return table


def print_verdict(name: str, verdict) -> None:
    """The verdict on one file, for `barometer check`."""
    console = _console()
    colour = COLOURS[verdict.verdict]
    contract = f" as {verdict.contract}" if verdict.contract else ""
    _tell(console, f"[{colour}]{verdict.verdict}[/] {_plain(name)}{contract}")
    counts = f"{verdict.rows_read} rows read, {verdict.rows_accepted} accepted, {verdict.rows_quarantined} quarantined"
    _tell(console, f"  {counts}")
    if verdict.refusal:
        _tell(console, f"  {_plain(ledger.refusal_text(verdict.refusal))}")
    for entry in verdict.quarantine:
        first = f", the first on line {entry['first_line']}" if entry["first_line"] is not None else ""
        _tell(console, f"  {entry['rows']} rows quarantined for {entry['reason']}{first}")
    for check in verdict.checks:
        if check["verdict"] != "passed" and check["on_failure"] != "quarantine":
            detail = f"{check['failed_rows']} rows" if check["verdict"] == "failed" else check["problem"]
            _tell(console, f"  {check['verdict']}: {check['expectation_id']} ({detail}): {_plain(check['reason'])}")
    for note in verdict.notes:
        _tell(console, f"  note: {_plain(note)}")


def print_status(status) -> None:
    """The current release, the kept ones, the deliveries, and what is missing or late."""
    console = _console()
    if status.release is None:
        console.print("No release yet: run `barometer run`.")
    else:
        _tell(console, f"Current release: {status.release} (as of {status.as_of}, code {status.code_version})")
    _tell(console, f"Kept releases: {', '.join(status.kept) or 'none'}")
    if status.release is not None:
        _tell(console, f"Internal database: {_internal(status)}")
    if status.deliveries:
        console.print(_deliveries(status.deliveries, console.width))
    if status.unread:
        _tell(console, f"Not yet read ({len(status.unread)}): " + ", ".join(map(_plain, status.unread)))
    if status.open_raw:
        raw = _plain(status.open_raw)
        _tell(
            console, f"Every user of this machine can open {raw}; personal data may lie there: `chmod -R o-rwx {raw}`"
        )
    table = Table(title="Sources", title_justify="left")
    for name in ("contract", "deliveries", "last received", "expected every", "state"):
        table.add_column(name)
    for row in status.sources:
        every = f"{row.expected_every_days} days" if row.expected_every_days else "–"
        colour = {"on time": "green", "late": "red", "missing": "red"}.get(row.state, "dim")
        table.add_row(row.contract, str(row.deliveries), row.last_received or "–", every, f"[{colour}]{row.state}[/]")
    console.print(table)


def _internal(status) -> str:
    if status.internal is None:
        return "none that can be read; the next run writes it"
    return (
        status.internal
        if status.internal == status.release
        else f"that of the newest run, {status.internal}, not of the current release"
    )


def print_due(things, day) -> None:
    """What `barometer prune` finds due, and what of it is held back."""
    console = _console()
    if not things:
        _tell(console, f"Nothing is due on {day}.")
        return
    table = Table(title=f"Due on {day}", title_justify="left")
    for name in ("delivery", "contract", "what", "kept days", "age in days", "bytes", ""):
        table.add_column(name, overflow="fold")
    for thing in things:
        table.add_row(
            _plain(thing.shown_name), thing.contract, thing.what, str(thing.kept_days), str(thing.age_days), f"{thing.bytes:,}",
            f"[yellow]held back[/]: {thing.kept_because}" if thing.kept_because else "goes",
        )  # fmt: skip
    console.print(table)


def print_verified(verified) -> None:
    """What `barometer verify` compared and found."""
    console = _console()
    if verified.findings:
        table = Table(title=f"Findings in {verified.release.name}", title_justify="left")
        for name in ("", "what", "finding"):
            table.add_column(name, overflow="fold")
        for finding in verified.findings:
            colour = "red" if finding.kind == "differs" else "dim"
            table.add_row(f"[{colour}]{finding.kind}[/]", _plain(finding.subject), _plain(finding.text))
        console.print(table)
    compared = ", ".join(f"{number} {what}" for what, number in verified.compared)
    _tell(console, f"As they should be: {compared or 'nothing'}.")
    if not verified.differing:
        _tell(console, f"[green]Nothing differs[/] in {verified.release.name}.")


def print_bundle(bundle) -> None:
    """Where an audit bundle lies, what is not in it, and the hash to tell the auditor by another way."""
    console = _console()
    for name, reason in bundle.left_out.items():
        _tell(console, f"[dim]not packed[/] {_plain(name)}: {_plain(reason)}")
    _tell(console, f"{_plain(str(bundle.path))}: {bundle.files} files, {bundle.bytes / 1e6:.1f} MB")
    _tell(console, f"sha256 {bundle.sha256}")
    _tell(console, "Tell the auditor this sha256 by another way than the file. To check it: unzip, python3 verify.py")
