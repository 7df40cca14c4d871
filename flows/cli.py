"""The `barometer` command."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Optional

import typer

from flows import interrupts
from flows import settings as settings_module
from flows.core.errors import BarometerError, Refusal, UsageProblem, printable
from flows.settings import Settings

EXIT_CODES = """
Exit codes:

\b
  0  published, or nothing had changed; checked, landed, told
  1  run: published, but at least one delivery was refused; check: a file was refused
  2  the command line is wrong
  3  a folder or file is not there or cannot be used
  4  another run holds the warehouse
  5  a model, contract or decision table in sql/ is wrong in itself
  6  not published: a critical expectation on a published table failed
  7  not published: a critical expectation did not run
  8  not published: no delivery at all was admitted
  9  not published: the disk is full or the warehouse cannot be written
 11  the release asked for is not kept, or is damaged
 12  not published: Prefect could not be reached or ended the run
 13  verify, audit-bundle: something in the release differs from what its manifest or the chain says
 14  not published: a hidden count could be worked out from what would be shown, or what was shown before is not known
 70  a defect of the barometer itself (its whole traceback is shown)
130  interrupted; a release is published whole or not at all
"""

app = typer.Typer(
    name="barometer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn police statistics, partner logs and survey exports into the campaign's published indicators.\n"
    + EXIT_CODES,
)

RawDir = Annotated[Optional[Path], typer.Option("--raw", help="Folder of the deliveries.", show_default="data/raw")]
OutDir = Annotated[
    Optional[Path],
    typer.Option("--out", help="Folder of the warehouse; all that is built goes there.", show_default="data/warehouse"),
]


def _settings(**options: object) -> Settings:
    return settings_module.from_environment(**options)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write the day as 2026-10-31", param_hint=option) from None


@app.command(epilog="See `barometer --help` for the exit codes.")
def run(
    raw: RawDir = None,
    out: OutDir = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Run in this process without Prefect: for cron, tests and small machines.")
    ] = False,
    as_of: Annotated[
        Optional[str],
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Rebuild what was known on that day (2026-03-31): later deliveries are left out.",
        ),
    ] = None,
    no_publish: Annotated[
        bool, typer.Option("--no-publish", help="Build and verify only; the result is left in OUT/candidate.")
    ] = False,
) -> None:
    """Read what is new, validate it, build the marts and publish a release.

    Deliveries that were read before are not read again, and a run with nothing new says so. A bad file never stops the
    good ones beside it: it is refused with its line, what was expected, what was found and how to mend it.
    """
    chosen = _settings(raw=raw, out=out, as_of=_day(as_of, "--as-of"), publish=False if no_publish else None)
    from flows.display import Shown

    with Shown(chosen) as shown:
        outcome = _run_directly(chosen, shown) if direct else _run_by_prefect(chosen, shown)
    shown.outcome(outcome)
    raise typer.Exit(1 if outcome.has_refused else 0)


def _run_directly(chosen: Settings, shown):
    from flows.core import pipeline

    return pipeline.refresh(chosen, progress=shown)


def _run_by_prefect(chosen: Settings, shown):
    from flows import orchestration

    return orchestration.run(chosen, shown)


@app.command()
def land(
    files: Annotated[list[Path], typer.Argument(help="Files to receive.", metavar="FILE...")],
    raw: RawDir = None,
    received: Annotated[
        Optional[str],
        typer.Option(
            "--received",
            metavar="DATE",
            help="Day on which it was received, from 2015-01-01 to today; today without it.",
        ),
    ] = None,
    sender: Annotated[
        Optional[str], typer.Option("--sender", metavar="TEXT", help="Who sent it: an organisation, not a person.")
    ] = None,
) -> None:
    """Copy files into the raw folder, each with its receipt.

    The folder below it (police, partners, surveys, reference) follows from what the file holds. A file that answers to
    no contract goes to `unrecognised`, where `run` says what is wrong with it. The same content twice is one delivery.
    """
    chosen = _settings(raw=raw)
    day = _day(received, "--received")
    from flows.core import receiving

    missing = [printable(f) for f in files if not f.is_file()]
    if missing:
        raise UsageProblem(f"no file {', '.join(missing)}", "check the path")
    for file in files:
        landed = receiving.receive(chosen, file, day, sender)
        known = "already here" if landed.was_known else "received"
        typer.echo(f"{known}: {printable(landed.path)} ({landed.contract or 'answers to no contract'})")


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files to look at.", metavar="FILE...")],
) -> None:
    """Say what would become of files, touching nothing: the verdict, the counts, and what is wrong where."""
    from flows.core import receiving
    from flows.display import print_verdict

    refused = False
    for file in files:
        verdict = receiving.check(_settings(), file)
        print_verdict(printable(file), verdict)
        refused = refused or not verdict.is_admitted
    raise typer.Exit(1 if refused else 0)


@app.command()
def status(raw: RawDir = None, out: OutDir = None) -> None:
    """Show the current release, the deliveries, and what is missing or late today."""
    from flows.core import reporting
    from flows.display import print_status

    print_status(reporting.status(_settings(raw=raw, out=out), date.today()))


@app.command()
def rollback(
    release: Annotated[
        str, typer.Argument(help="Name of a kept release, or its unique beginning (see `status`).", metavar="RELEASE")
    ],
    out: OutDir = None,
) -> None:
    """Make an earlier release the current one again; nothing is deleted."""
    from flows.core import publishing, steps

    chosen = _settings(out=out)
    with steps.alone(chosen, steps.Progress()):
        place = publishing.find_release(chosen.releases, release)
        publishing.switch(chosen.current, place)
    typer.echo(f"current is now {place.name} ({chosen.current})")


@app.command()
def verify(
    release: Annotated[
        Optional[str],
        typer.Argument(
            help="Name of a kept release, or its unique beginning.", metavar="[RELEASE]", show_default="the current one"
        ),
    ] = None,
    out: OutDir = None,
    raw: Annotated[
        Optional[Path],
        typer.Option("--raw", help="Also compare the files of this folder with the deliveries of the release."),
    ] = None,
) -> None:
    """Compare a release with what it says of itself; changes nothing.

    Every file is hashed again, none may be missing or too many; the content fingerprints are derived again from Parquet
    and from campaign.duckdb; the packed code must be the version named; the manifest must have the hash that is kept
    beside it, in the run's record and in later releases; earlier manifests the hashes that the chain names.

    What is found: any change in a release, by accident or by hand, that is not made in all these places together. What
    is not: who can write the whole warehouse can make manifest, hashes, records and every later release anew. Keep
    the manifest's hash (OUT/current/manifest.sha256) or an audit bundle elsewhere; nobody can rewrite that one. And a release
    that agrees with itself is not thereby right: that is what the expectations and the raw files are for.

    Exit code 0: nothing differs. 13: something does. 11: no such release.
    """
    from flows.core import verifying
    from flows.core.errors import ReleaseDiffers
    from flows.display import Shown, print_verified

    chosen = _settings(out=out)
    raw = raw.absolute() if raw else None
    place = verifying.place_of(chosen.releases, chosen.current, release)
    with Shown(chosen) as shown:
        verified = verifying.verify(chosen, place, raw, shown.stage, shown.advance)
    print_verified(verified)
    if verified.differing:
        raise ReleaseDiffers(
            f"{place.name}: {len(verified.differing)} of the things compared differ",
            "trust a copy made elsewhere; or make another release current with `barometer rollback`; or remove the damaged "
            "release and run again: it is made anew from the raw files",
        )


@app.command("audit-bundle")
def audit_bundle(
    release: Annotated[
        Optional[str],
        typer.Argument(
            help="Name of a kept release, or its unique beginning.", metavar="[RELEASE]", show_default="the current one"
        ),
    ] = None,
    to: Annotated[
        Optional[Path],
        typer.Option("--to", metavar="FILE", help="The zip, or a folder for it.", show_default="./audit-RELEASE.zip"),
    ] = None,
    tables_up_to: Annotated[
        float, typer.Option("--tables-up-to", metavar="MB", help="Leave out Parquet files that are larger.", min=0)
    ] = 100,
    out: OutDir = None,
) -> None:
    """Pack what an auditor takes home of a release into one zip; the same release gives the same bytes.

    Manifest, chain, receipts, code (SQL, contracts, decisions), validation results, dictionary, tables, fingerprints, and
    a script that verifies it all offline with Python's standard library alone. Nothing personal: no raw files, no
    quarantine, no letters, no senders. A release that is not whole is not packed (exit code 13, see `verify`).
    """
    from flows.core import bundling, verifying
    from flows.display import Shown, print_bundle

    chosen = _settings(out=out)
    place = verifying.place_of(chosen.releases, chosen.current, release)
    to = (to or Path()).absolute()
    file = to / f"audit-{place.name}.zip" if to.is_dir() else to
    with Shown(chosen) as shown:
        bundle = bundling.write(chosen, place, file, tables_up_to, shown.stage, shown.advance)
    print_bundle(bundle)


@app.command()
def prune(
    raw: RawDir = None,
    out: OutDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is due and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also at a terminal.")] = False,
    as_of: Annotated[
        Optional[str],
        typer.Option("--as-of", metavar="DATE", help="What is due on that day; a day to come with --dry-run only."),
    ] = None,
) -> None:
    """Remove raw files and quarantined rows whose time is over, as the contracts in sql/0_sources say.

    `keep_raw_days` and `keep_quarantine_days` count from the day of receipt (the last one, when a file came again); a contract
    without them keeps for ever. At a terminal the table of what is due is shown and you are asked; elsewhere (cron) it goes at
    once.

    What stays: the receipt, marked with the day; the verdict and the accepted rows, so that the next run gives the same tables;
    every release, untouched. What is lost: the delivery cannot be read again. When its contract changes, it keeps its old
    verdict, and `run` says by which version of the contract it was judged. So a file is held back until today's contract and
    code have judged it: run first, then prune. A file that answers to no contract is never due: remove it by hand.

    What was removed stands in OUT/runs/pruned.json: the day, the user, contract and hash, never a value.

    Exit code 0: removed, or nothing was due. 1: something due was held back. 4: a run holds the warehouse. 9: a file could not
    be removed; prune again, it goes on from there.
    """
    chosen = _settings(raw=raw, out=out)
    day = _day(as_of, "--as-of") or date.today()
    if day > date.today() and not dry_run:
        raise UsageProblem(f"{day} is still to come", "add --dry-run to see what will be due then")
    from flows.core import retention, steps
    from flows.display import print_due

    with steps.alone(chosen, steps.Progress()):
        things = retention.due(chosen, day)
        print_due(things, day)
        going = [thing for thing in things if not thing.kept_because]
        if going and not dry_run and (yes or not sys.stdin.isatty() or typer.confirm("Remove these for good?")):
            gone = retention.prune(chosen, things, date.today())
            typer.echo(f"Removed: {len(gone)} of {len(going)}; recorded in {retention.record_path(chosen)}")
        elif going:
            typer.echo("Nothing was removed.")
    raise typer.Exit(1 if len(going) < len(things) else 0)


def main() -> None:
    """Run the command and leave without Python's shutdown: it takes a second once Great Expectations is loaded, and
    crashes in threads that a Ctrl-C cut off in an import or a query. All that must be released has been by then."""
    code = command()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def command() -> int:
    """Run the command; a user's mistake ends with its message and code, a defect of ours with its traceback."""
    try:
        with interrupts.told():
            app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BarometerError as error:
        _say(error.problem, error.remedy)
        return error.exit_code
    except Refusal as refusal:
        _say(str(refusal), "")
        return 1
    except Exception:
        import traceback

        traceback.print_exc()
        _say("this is a defect of the barometer; nothing was published", "report it with the lines above")
        return 70
    return 0


def _say(problem: str, remedy: str) -> None:
    print(f"barometer: {problem}", file=sys.stderr)
    if remedy:
        print(f"To mend it: {remedy}.", file=sys.stderr)


if __name__ == "__main__":
    main()
