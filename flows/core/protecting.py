"""What the releases so far showed and hid goes in, the proof that the next one gives nothing of it away comes out.

Kept beside the warehouse, for its owner alone (`protection/`): it holds exact counts. It grows with what changes from release
to release and is never thinned out, for what was shown once is known for good, also after its release was removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.core import ledger
from flows.core.errors import WouldDisclose
from flows.core.landing import sha256_of
from flows.core.reading.tables import parquet

FILES = {"shown_before": "cells.parquet", "sums_before": "sums.parquet"}
TABLES = tuple(FILES)
PROTECTED = "intermediate.int_counts_protected"
LINKED = "intermediate.int_counts_linked"
POINTER = "shown.json"
NOTHING_SHOWN = "nothing"


@dataclass(frozen=True)
class Earlier:
    """What earlier releases showed: a name by content, and the Parquet file of each of TABLES; no files for a first release."""

    name: str
    files: Mapping[str, Path]


def earlier(folder: Path, previous: Path | None, manifest: Mapping) -> Earlier:
    """What the releases so far showed. Raises WouldDisclose where there was one and its record is gone or damaged."""
    told = ledger.read_json(folder / POINTER)
    if told is None:
        if previous is not None and "certificate" in manifest:
            raise WouldDisclose(
                f"what earlier releases showed is not known: {folder / POINTER} is not there",
                f"restore {folder} from a copy, or begin a new warehouse with --out DIR and withdraw the releases of this one",
            )
        return Earlier(NOTHING_SHOWN, {})
    files = {name: folder / told["name"] / FILES[name] for name in TABLES}
    damaged = [
        path.name for name, path in files.items() if not path.is_file() or sha256_of(path) != told["sha256"][name]
    ]
    if damaged:
        raise WouldDisclose(
            f"what earlier releases showed is not known: {', '.join(damaged)} in {folder} is gone or damaged",
            "restore the file from a copy, or begin a new warehouse with --out DIR and withdraw the releases of this one",
        )
    return Earlier(told["name"], files)


def show_earlier(con, known: Earlier) -> None:
    """The tables `sources.shown_before` and `sources.sums_before`; empty for a first release."""
    from flows.core import models

    for name in TABLES:
        if name in known.files:
            con.execute("create schema if not exists sources")
            con.execute(f"create or replace view sources.{name} as select * from {parquet(known.files[name])}")
        else:
            models.create_run_table(con, name, [])


def certify(build, con, make: Callable[[str], None]) -> dict:
    """The certificate of the release: rules, counts, what the attacker found, a hash; the one before where nothing changed.

    `make` builds an intermediate table that nothing has needed yet. Raises WouldDisclose, with the cells and the sums that
    tell them, when a hidden count can be narrowed below its rule.
    """
    depends_on = build.intermediates[PROTECTED]["depends_on"]
    before = build.previous_manifest.get("certificate")
    if before is not None and before.get("depends_on") == depends_on:
        return before
    from flows.core.disclosure import frames

    for name in (PROTECTED, LINKED):
        make(name)
    tables = {name: con.execute(query).df() for name, query in _QUERIES.items()}
    build.linked = frames.Linked(tables.pop("frame"), tables.pop("sums"))
    found = frames.certify(build.linked, **tables)
    try:
        found.require()
    except frames.DisclosureError as error:
        raise WouldDisclose(
            f"a hidden count could be worked out from what would be shown:\n{error}",
            "nothing is published; the counts of these cells, and at which levels they are shown, stand in "
            "sql/2_intermediate/int_counts_cubed*",
        ) from None
    return {**_public(found.certificate), "depends_on": depends_on}


ROUNDED_TO = 5
"""Base of the public numbers of cells hidden for one reason: exact, in a small warehouse, they could tell a single cell's."""


def _public(certificate: Mapping) -> dict:
    """A certificate as everybody may see it.

    Without the hash of the exact counts, which somebody could find by trying them (`depends_on` takes its place, and is
    withheld), and without the widths, which follow from exact counts. Cells hidden as small are told together with none or
    all of a small group, cells whose reason would tell (`untold`) with none, and how many are hidden for which reason is rounded:
    who knows that of two hidden cells exactly one is small knows more of both than their sums tell.
    """
    from flows.core.disclosure.certificate import fingerprint

    public = {name: told for name, told in certificate.items() if name not in ("inputs_sha256", "required_width")}
    primary = dict(certificate["primary"])
    primary["small_or_group"] = primary.pop("small") + primary.pop("group")
    public["primary"] = _rounded(primary)
    public["marks"] = {
        **certificate["marks"],
        **_rounded({name: certificate["marks"][name] for name in ("small", "other")}),
    }
    public["proven_ends"] = _rounded(certificate["proven_ends"])
    public |= _rounded({name: certificate[name] for name in ("secondary", "proven_cells", "certified_before")})
    public["reasons_rounded_to"] = ROUNDED_TO
    return public | {"sha256": fingerprint(public)}


def _rounded(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: ROUNDED_TO * round(count / ROUNDED_TO) for name, count in counts.items()}


_QUERIES = {
    "frame": f"select * from {PROTECTED}",
    "sums": f"select * from {LINKED} order by dimension, hierarchy, measure, child, parent",
    "rules": "select * from reference.disclosure_rules order by kind, family",
    "measures": "select measure, family from reference.disclosure_measures order by measure",
    "before_cells": "select * from sources.shown_before order by cell_id",
    "before_sums": "select * from sources.sums_before order by sum_id, cell_id",
}


def remember(build, con, folder: Path) -> None:
    """Write down what the release is about to show, before it is shown: killed in between, it counts as shown."""
    from flows.core.disclosure import memory

    if build.certificate is build.previous_manifest.get("certificate"):
        return  # nothing is shown that the release before did not show
    before = {name: con.execute(_QUERIES[name]).df() for name in ("before_cells", "before_sums")}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = memory.save(folder, *memory.after_release(**before, linked=build.linked))
    hashes = {table: sha256_of(folder / name / file) for table, file in FILES.items()}
    ledger.write_json(folder / POINTER, {"name": name, "sha256": hashes})


def forget_others(folder: Path) -> None:
    """Remove the records that the newest one took the place of; called when nothing reads them any more."""
    told = ledger.read_json(folder / POINTER)
    for other in folder.iterdir() if told else ():
        if other.is_dir() and other.name != told["name"]:
            shutil.rmtree(other, ignore_errors=True)
