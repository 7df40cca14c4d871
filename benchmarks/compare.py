"""Runs the barometer and the same models as bare DuckDB side by side, compares what they built, and prints both costs.

    python benchmarks/compare.py --factor 0.1 --repeats 3 [--work DIR] [--no-parquet]

Exit code 0 when it ran to its end, whatever the times; 1 when the outputs differ; 2 when something could not be run.
This module imports nothing heavy: Linux counts what the parent held at the fork into a child's peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
BAROMETER = Path(sys.executable).with_name("barometer")
RECEIPT_ENDING = ".receipt.json"
SMALL_DELIVERY = "partners/actions-partenaires-complement.csv"

MEASURES = [("wall time, s", "wall", 1, 2), ("CPU time, s", "cpu", 1, 2), ("peak memory, MB", "peak", 1024**2, 0)]

MOST_TIMES_BARE = 2.0
MOST_MEMORY = 2 * 1024**3
MOST_OF_FULL_RUN = 0.1
MOST_SECONDS_FOR_NOTHING = 1.0


class CannotRun(Exception):
    """A command of the benchmark failed; the message holds the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """What one process and its children took: seconds of wall and processor time, bytes at the peak."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Repeat:
    """One round: a full run, bare DuckDB, then on the full run's warehouse one small delivery and nothing new."""

    full: Cost
    bare: Cost
    small: Cost
    nothing: Cost
    differences: tuple[str, ...]
    small_rebuilt: str


def say(text: str) -> None:
    print(text, flush=True)


def measured(command: list[object], log: Path) -> Cost:
    """Run a command to its end and measure it. Raises CannotRun when its exit code is not 0."""
    os.sync()  # what others wrote is not to be paid for by this one
    with log.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=file, stderr=subprocess.STDOUT, cwd=PROJECT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise CannotRun(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{end}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


# -- the parts of a round ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """Where one factor's benchmark works."""

    work: Path
    factor: float
    with_parquet: bool

    @property
    def raw(self) -> Path:
        return self.work / f"raw-{self.factor:g}"

    @property
    def warehouse(self) -> Path:
        return self.work / "warehouse"

    @property
    def bare_out(self) -> Path:
        return self.work / "bare"

    def log(self, name: str) -> Path:
        return self.work / f"{name}.log"

    def prepare(self) -> None:
        """Generate the deliveries unless they lie there complete, written by the generator as it is now."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.take_small_away()
        command = [sys.executable, HERE / "generate.py", "--factor", f"{self.factor:g}", "--out", self.raw]
        if subprocess.run([*command, "--check"], cwd=PROJECT).returncode == 0:
            say(f"deliveries of factor {self.factor:g} are in {self.raw}")
            return
        say(f"generating deliveries of factor {self.factor:g} into {self.raw}")
        shutil.rmtree(self.raw, ignore_errors=True)
        measured(command, self.log("generate"))

    def full_run(self) -> Cost:
        shutil.rmtree(self.warehouse, ignore_errors=True)
        return self.barometer("full")

    def barometer(self, name: str) -> Cost:
        return measured([BAROMETER, "run", "--direct", "--raw", self.raw, "--out", self.warehouse], self.log(name))

    def bare(self) -> Cost:
        shutil.rmtree(self.bare_out, ignore_errors=True)
        command = [sys.executable, HERE / "bare.py", "--raw", self.raw, "--out", self.bare_out]
        return measured(command if self.with_parquet else [*command, "--no-parquet"], self.log("bare"))

    def differences(self) -> tuple[str, ...]:
        """A line for each table that differs; none when the outputs are equal."""
        databases = (self.warehouse / "current" / "campaign.duckdb", self.bare_out / "campaign.duckdb")
        told = subprocess.run(
            [sys.executable, HERE / "outputs.py", *databases], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        if told.returncode == 0:
            say(f"  outputs: {told.stdout.strip()}")
            return ()
        if told.returncode == 1 and told.stdout.strip():
            return tuple(told.stdout.splitlines())
        raise CannotRun(f"outputs could not be compared:\n{told.stdout}{told.stderr}")

    def add_small(self) -> None:
        measured([sys.executable, HERE / "generate.py", "--small", "--out", self.raw], self.log("small-delivery"))

    def take_small_away(self) -> None:
        for name in (SMALL_DELIVERY, SMALL_DELIVERY + RECEIPT_ENDING):
            (self.raw / name).unlink(missing_ok=True)

    def rebuilt(self) -> str:
        """What the barometer says of the tables that it built and took over."""
        found = re.search(r"\d+ tables built[^\n]*", self.log("small").read_text(encoding="utf-8"))
        return found.group().rstrip(".") if found else ""


def one_round(bench: Bench) -> Repeat:
    """Run the four commands and compare. Raises CannotRun when the project's own code changed in the meantime."""
    code = code_stamps()
    full = bench.full_run()
    say(f"  barometer, full run       {shown(full)}")
    bare = bench.bare()
    say(f"  bare DuckDB               {shown(bare)}")
    found = bench.differences()
    for line in found:
        say(f"  outputs differ: {line}")
    try:
        bench.add_small()
        small = bench.barometer("small")
        rebuilt = bench.rebuilt()
        say(f"  one small delivery more   {shown(small)}   {rebuilt}")
        nothing = bench.barometer("nothing")
        say(f"  nothing to do             {shown(nothing)}")
    finally:
        bench.take_small_away()
    if code_stamps() != code:
        raise CannotRun("files in sql/ or flows/ changed during the round: what was compared is not the same")
    return Repeat(full, bare, small, nothing, found, rebuilt)


def code_stamps() -> dict[Path, int]:
    """When each file of the models and of the barometer was last written."""
    files = (path for folder in ("sql", "flows") for path in (PROJECT / folder).rglob("*.*"))
    return {path: path.stat().st_mtime_ns for path in files if path.suffix in (".sql", ".yml", ".csv", ".py")}


def shown(cost: Cost) -> str:
    return f"{cost.wall:7.2f} s wall {cost.cpu:7.2f} s CPU {cost.peak / 1024**2:7.0f} MB peak"


# -- the result -------------------------------------------------------------------------------------------------------


def report(repeats: list[Repeat]) -> str:
    lines = ["", f"{'':24}{'barometer':>24}{'bare DuckDB':>24}{'ratio':>22}"]
    for label, name, divisor, digits in MEASURES:
        full, bare = ([getattr(getattr(r, run), name) / divisor for r in repeats] for run in ("full", "bare"))
        ratios = [a / b for a, b in zip(full, bare, strict=True)]
        lines.append(f"{label:24}{spread(full, digits):>24}{spread(bare, digits):>24}{spread(ratios, 2):>22}")
    lines += ["", "median (least – most); a ratio is taken within each round", ""]
    lines.append(f"{'':32}{'measured':>22}{'at most':>12}   holds")
    for label, values, unit, most in targets(repeats):
        # memory counts at its worst, times in the middle
        holds = (max(values) if unit == "GB" else statistics.median(values)) <= most
        lines.append(f"{label:32}{spread(values, 2):>22}{f'{most:g} {unit}':>12}   {'yes' if holds else 'NO'}")
    different = sorted({line for repeat in repeats for line in repeat.differences})
    lines += ["", "outputs: " + ("equal in every round" if not different else "DIFFERENT"), *different]
    return "\n".join(lines)


def targets(repeats: list[Repeat]) -> list[tuple[str, list[float], str, float]]:
    """What the project has set itself for factor 1: label, measured values, unit, limit."""
    return [
        ("full run / bare DuckDB, wall", [r.full.wall / r.bare.wall for r in repeats], "", MOST_TIMES_BARE),
        ("peak memory of the full run", [r.full.peak / 1024**3 for r in repeats], "GB", MOST_MEMORY / 1024**3),
        ("small delivery / full run, wall", [r.small.wall / r.full.wall for r in repeats], "", MOST_OF_FULL_RUN),
        ("nothing to do, wall", [r.nothing.wall for r in repeats], "s", MOST_SECONDS_FOR_NOTHING),
    ]


def spread(values: list[float], digits: int) -> str:
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"


def machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "duckdb": metadata.version("duckdb"),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "settings": {name: value for name, value in sorted(os.environ.items()) if name.startswith("BAROMETER_")},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factor", type=float, default=0.1, help="size of the data; 1 is 5.6 million communal rows")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, each A then B (default: 3)")
    parser.add_argument("--work", type=Path, default=PROJECT / "build" / "benchmark", help="folder to work in")
    parser.add_argument("--no-parquet", action="store_true", help="let bare DuckDB leave the Parquet files out")
    options = parser.parse_args()
    if options.factor <= 0 or options.repeats < 1:
        parser.error("--factor is greater than 0 and --repeats at least 1")
    if not BAROMETER.exists():
        parser.error("no barometer command beside this Python: run it as .venv/bin/python benchmarks/compare.py")
    bench = Bench(options.work.absolute(), options.factor, not options.no_parquet)
    facts = machine()
    say(", ".join(f"{name} {value}" for name, value in facts.items() if value not in ({}, None)))
    try:
        bench.prepare()
        repeats = []
        for number in range(1, options.repeats + 1):
            say(f"round {number} of {options.repeats}")
            repeats.append(one_round(bench))
    except CannotRun as problem:
        say(f"benchmark: {problem}")
        return 2
    finally:
        bench.take_small_away()
    say(report(repeats))
    result = bench.work / f"result-{bench.factor:g}.json"
    content = {"factor": bench.factor, "with_parquet": bench.with_parquet, **facts}
    content["rounds"] = [asdict(repeat) for repeat in repeats]
    result.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    say(f"\nkept in {result}; what each command said in {bench.work}/*.log")
    return 1 if any(repeat.differences for repeat in repeats) else 0


if __name__ == "__main__":
    sys.exit(main())
