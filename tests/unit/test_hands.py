"""Small deliveries that other processes admit: the same verdicts and tables, whatever becomes of these processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from flows.core import admission, hands, landing, processors, steps
from flows.core.contracts import load_contracts
from flows.settings import PROJECT, Settings

SQL = PROJECT / "sql"
HEADER = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service"
MONTHS = hands.MANY + 2
EMPTY = MONTHS // 2
AS_EXPECTED = ["passed"] * MONTHS + ["refused"]


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Small deliveries, one a month, each larger than the one before; among them one without rows, and one of another kind."""
    (tmp_path / "raw").mkdir()
    for month in range(MONTHS):
        when = f"{month % 12 + 1:02}/{2024 + month // 12}"
        rows = [
            f"I-{month}-{n};{n + 1:02}/{when} 14:05;CF01;Violences;Non;R1;Police nationale" for n in range(10 + month)
        ]
        text = "\n".join([HEADER, *rows, ""])
        if month == EMPTY:  # of the same size, so that it is in the middle of the order too
            text = HEADER + "\n" * (len(text) - len(HEADER))
        (tmp_path / "raw" / f"incidents-{month:02}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "raw" / "zones.csv").write_bytes((PROJECT / "data/raw/reference/zones.csv").read_bytes())
    return Settings(raw=tmp_path / "raw", out=tmp_path / "out", threads=2).resolved()


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The deliveries that a hand answered for; on any machine, as if it had two processors."""
    monkeypatch.setattr(processors, "available", lambda: 2)
    found, admit = [], hands.Hand.admit

    def noted(hand, delivery):
        verdict = admit(hand, delivery)
        found.extend([delivery.path.name] * (verdict is not None))
        return verdict

    monkeypatch.setattr(hands.Hand, "admit", noted)
    return found


@pytest.fixture
def in_no_hurry(asked, monkeypatch) -> None:
    """The run itself waits until a hand has answered twice: it may be done with all before the hand is ready."""
    admit = admission.admit

    def later(*more):
        end = time.monotonic() + 60
        while len(asked) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return admit(*more)

    monkeypatch.setattr(admission, "admit", later)


@pytest.fixture
def hand(settings):
    admitting = hands.Hand(SQL, steps.room(settings))
    yield admitting
    admitting.close()


def admitted(settings: Settings) -> list[admission.Verdict]:
    """The verdicts of a run, as far as admission goes."""
    progress = steps.Progress()
    with steps.alone(settings, progress):
        run = steps.land(settings, progress)
        return [steps.admit(settings, run, delivery, progress) for delivery in run.largest_first]


def rows(settings: Settings, verdicts: list[admission.Verdict]) -> list[list[tuple]]:
    return [duckdb.sql(f"from '{settings.staged / v.staged}'").fetchall() for v in verdicts if v.staged]


def test_a_hand_comes_to_the_verdict_that_the_run_would_come_to(settings, hand) -> None:
    contracts, elsewhere = load_contracts(SQL / "0_sources"), replace(settings, out=settings.out / "elsewhere")
    for delivery in landing.land_all(settings.raw, settings.out / "raw_index.json"):
        own = admission.admit(delivery, contracts, steps.room(elsewhere))
        assert hand.admit(delivery) == (own if own.is_admitted else None), "what is refused the run judges itself"
        assert own.is_admitted is (delivery.path.name != f"incidents-{EMPTY:02}.csv")


def test_a_run_with_many_small_deliveries_has_a_hand_and_the_same_rows(settings, asked, request) -> None:
    alone = replace(settings, out=settings.raw.parent / "alone", threads=1).resolved()
    own = admitted(alone)
    assert not asked
    request.getfixturevalue("in_no_hurry")
    found = admitted(settings)
    assert len(asked) >= 2 and f"incidents-{EMPTY:02}.csv" not in asked
    assert found == own and rows(settings, found) == rows(alone, own)
    assert sorted(verdict.verdict for verdict in found) == AS_EXPECTED
    asked.clear()
    assert admitted(settings) == found and not asked, "each is kept as if the run had admitted it"


def test_few_deliveries_have_none(settings, asked, monkeypatch) -> None:
    monkeypatch.setattr(hands, "Hand", lambda *_: pytest.fail("a process for a few deliveries"))
    for path in sorted(settings.raw.glob("incidents-*.csv"))[:3]:
        path.unlink()
    assert len(admitted(settings)) == hands.MANY, "one is the run's own, the others are too few"


@pytest.mark.parametrize("dies", ["at once", "half-way", "cannot be started"])
def test_a_hand_that_dies_is_no_error_of_the_run(settings, asked, monkeypatch, request, dies) -> None:
    if dies == "half-way":
        request.getfixturevalue("in_no_hurry")
    start, admit = hands.Hand.__init__, hands.Hand.admit

    def dying(hand, *more):
        if dies == "cannot be started":
            raise OSError("no room")
        start(hand, *more)
        if dies == "at once":
            hand._process.kill()

    def admit_two(hand, delivery):
        if len(asked) == 2:
            hand._process.kill()
        return admit(hand, delivery)

    monkeypatch.setattr(hands.Hand, "__init__", dying)
    monkeypatch.setattr(hands.Hand, "admit", admit_two)
    assert sorted(verdict.verdict for verdict in admitted(settings)) == AS_EXPECTED
    assert len(asked) == (2 if dies == "half-way" else 0)


def test_what_a_run_that_ends_early_had_begun_ends_with_it(settings, asked, monkeypatch) -> None:
    started, start = [], hands.Hand.__init__

    def noted(hand, *more):
        start(hand, *more)
        started.append(hand._process.pid)

    def judge(*_):
        assert started
        raise KeyboardInterrupt

    monkeypatch.setattr(hands.Hand, "__init__", noted)
    monkeypatch.setattr(admission, "_judge_table", judge)
    with pytest.raises(KeyboardInterrupt):
        admitted(settings)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_killed_run_leaves_no_hand_behind(settings) -> None:
    script = (
        "import sys, time; from pathlib import Path; from flows.core import hands, steps; from flows.settings import Settings\n"
        "place = steps.room(Settings(raw=Path(sys.argv[1]), out=Path(sys.argv[2])).resolved())\n"
        "hand = hands.Hand(Path(sys.argv[3]), place); print(hand._process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(settings.raw), str(settings.out), str(SQL)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as run:
        pid = int(run.stdout.readline())
        time.sleep(1)  # it has to begin before it can be told
        os.kill(pid, signal.SIGSTOP)  # so that it cannot end by itself when nobody asks any more
        run.kill()
    for _ in range(100):
        if not _is_running(pid):
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the hand goes on")


def _is_running(pid: int) -> bool:
    """Whether it does anything: one that ended and that nobody has asked about since is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
