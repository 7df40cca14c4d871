"""What earlier releases showed is kept, missed when it is gone, and no certificate tells a hash of exact counts."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.core import pipeline, protecting, steps
from flows.core.disclosure.certificate import fingerprint
from flows.core.errors import WouldDisclose
from flows.settings import PROJECT, Settings


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Settings:
    """A small city: its zones and one year of interventions, published once."""
    folder = tmp_path_factory.mktemp("protecting")
    for name in ("reference/zones.csv", "police/interventions-2024.csv"):
        target = folder / "raw" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        for source in (PROJECT / "data" / "raw").glob(f"{name}*"):
            shutil.copy(source, target.parent / source.name)
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    pipeline.refresh(settings)
    return settings


def certificate(settings: Settings) -> dict:
    return json.loads((settings.current / "manifest.json").read_text())["certificate"]


def test_the_certificate_tells_rules_counts_and_its_own_hash_and_nothing_exact(warehouse) -> None:
    told = certificate(warehouse)
    assert told["leaks"] == 0 and told["proven_cells"] > 0
    # in this city all hidden cells hang together, and to tell which of them are small would give one away
    assert told["marks"]["untold"] > 0 and set(told["primary"].values()) == {0} and told["secondary"] == 0
    assert {rule["kind"] for rule in told["rules"]} >= {"small", "group", "rounding", "dominance", "contributors"}
    assert told["sha256"] == fingerprint(told)
    assert not {"inputs_sha256", "depends_on"} & set(told), "whoever tries the few possible counts would find them"


def test_how_many_cells_are_hidden_for_which_reason_is_rounded(warehouse) -> None:
    told = certificate(warehouse)
    marks = {name: told["marks"][name] for name in ("small", "other")}
    counts = [told["secondary"], told["proven_cells"], told["certified_before"]]
    counts += [*marks.values(), *told["primary"].values(), *told["proven_ends"].values()]
    assert told["reasons_rounded_to"] == 5 and [count for count in counts if count % 5] == []
    assert "required_width" not in told, "it follows from exact counts"
    assert told["marks"]["shown"] + told["marks"]["withheld"] <= told["cells"]


def test_what_earlier_releases_narrowed_is_warned_of() -> None:
    """And known from the release before, when it was as much."""
    build = SimpleNamespace(
        model_checks={}, memory=None, certificate={"narrowed_before": 3}, previous_manifest={"certificate": {}}
    )
    (warning,), known = steps._warnings(build)
    assert warning.startswith("certificate: 3 hidden counts are narrowed") and known == ()
    build.previous_manifest = {"certificate": build.certificate}
    assert steps._warnings(build) == ((), (warning,))
    build.certificate = {"narrowed_before": 0}
    assert steps._warnings(build) == ((), ())


def test_what_was_shown_is_the_owner_s_alone(warehouse) -> None:
    paths = [warehouse.protection, *warehouse.protection.rglob("*")]
    assert len(paths) > 3
    assert [path.name for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def copy_of(warehouse: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(warehouse.out, tmp_path / "out", symlinks=True)
    (tmp_path / "out" / "current").unlink()
    (tmp_path / "out" / "current").symlink_to(Path("releases") / warehouse.current.resolve().name)
    shutil.copytree(warehouse.raw, tmp_path / "raw")
    return replace(warehouse, raw=tmp_path / "raw", out=tmp_path / "out")


def touch(settings: Settings) -> None:
    """Something new has come, so that the next run builds."""
    shutil.copy(
        PROJECT / "data" / "raw" / "reference" / "populations.csv", settings.raw / "reference" / "populations.csv"
    )


@pytest.mark.parametrize("lost", ["all", "pointer", "cells"])
def test_without_what_was_shown_nothing_more_is_published(warehouse, tmp_path, lost) -> None:
    settings = copy_of(warehouse, tmp_path)
    touch(settings)
    if lost == "all":
        shutil.rmtree(settings.protection)
    elif lost == "pointer":
        (settings.protection / protecting.POINTER).unlink()
    else:
        next(settings.protection.glob("*/cells.parquet")).write_bytes(b"damaged")
    before = settings.current.resolve()
    with pytest.raises(WouldDisclose) as told:
        pipeline.refresh(settings)
    assert told.value.exit_code == 14 and "not known" in told.value.problem and "restore" in told.value.remedy
    assert settings.current.resolve() == before


def test_a_candidate_that_is_not_published_is_not_remembered(warehouse, tmp_path) -> None:
    settings = copy_of(warehouse, tmp_path)
    touch(settings)
    pointer = settings.protection / protecting.POINTER
    before = pointer.read_text()
    pipeline.refresh(replace(settings, publish=False))
    assert pointer.read_text() == before
