"""The audit bundle: what an auditor takes home of a release, in one zip that verifies itself offline."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.core import chain, fingerprints, ledger, verifying
from flows.core.errors import ReleaseDiffers, StorageProblem, UsageProblem, printable, tells_of_full_disk
from flows.core.landing import sha256_of
from flows.core.publishing import add_file
from flows.core.reading.tables import parquet
from flows.settings import Settings

PACKED_FOLDERS = ("parquet", "validation", "dictionary")
PACKED_FILES = (chain.CHAIN, "datapackage.json")
LEFT_OUT = {
    "campaign.duckdb": "the same tables stand in parquet/ and rows/",
    chain.CODE: "it is unpacked in code/",
    "letters": "letters to senders are restricted",
}
"""Only what is named above is packed; what else a release holds stays at home, with the reason."""

ROWS_WRITTEN_OUT = 200_000
"""Tables of up to this many rows are written out as text, so that Python alone derives their fingerprints (0.3 s for these)."""

README = """\
Baromètre de la campagne de Clermont-Ferrand : dossier d'audit de la publication {release}
==========================================================================================

Pour le vérifier hors ligne, avec Python 3.9 ou plus et rien d'autre :    python3 verify.py

manifest.json     ce que la publication dit d'elle-même : fichiers reçus, tables, contrôles, empreintes
chain.json        les publications précédentes, chacune avec l'empreinte de son manifeste
receipts.json     ce qui a été reçu et quand (sans les noms des expéditeurs)
code/             le SQL, les contrats, les décisions et le cœur du programme avec lesquels elle a été construite
validation/       les résultats des contrôles : des nombres, jamais de valeurs individuelles
dictionary/       le dictionnaire des données, quand la publication en a un
parquet/, rows/   les tables publiées ; rows/ une ligne de texte par ligne, dans l'ordre des colonnes du manifeste
fingerprints.json définition des empreintes, et la requête DuckDB qui les recalcule à partir de parquet/

Rien ici n'est personnel : ni fichiers reçus, ni lignes écartées, ni lettres aux expéditeurs.

Campaign barometer of Clermont-Ferrand: audit bundle of the release {release}
==========================================================================================

To verify it offline, with Python 3.9 or newer and nothing else:    python3 verify.py

manifest.json     what the release says of itself: deliveries, tables, checks, fingerprints
chain.json        the releases before it, each with the hash of its manifest
receipts.json     what was received and when (without the senders' names)
code/             the SQL, contracts, decisions and core that it was built with
validation/       the results of the expectations: counts, never values
dictionary/       the data dictionary, when the release has one
parquet/, rows/   the published tables; rows/ one line of text a row, in the order of the manifest's columns
fingerprints.json how fingerprints are defined, and the DuckDB query that derives them from parquet/

Nothing here is personal: no delivered files, no rows set aside, no letters to senders.
"""


@dataclass(frozen=True)
class Bundle:
    """Where the bundle lies, and its own hash, to be told by another way than the file itself."""

    path: Path
    sha256: str
    bytes: int
    files: int
    left_out: Mapping[str, str]


def write(
    settings: Settings, release: Path, to: Path, most_megabytes: float, stage: Callable, advance: Callable
) -> Bundle:
    """Pack a release; the same release gives the same bytes.

    Raises ReleaseDiffers when it is not whole, UsageProblem when it is older than bundles or `to` cannot be written.
    """
    verified = verifying.verify(settings, release, None, stage, advance)
    if verified.differing:
        raise ReleaseDiffers(
            f"{release.name} differs from what it says of itself in {len(verified.differing)} places",
            "an audit bundle is made of a whole release only: see `barometer verify`",
        )
    manifest = ledger.read_json(release / chain.MANIFEST)
    if chain.CODE not in manifest["files"]:
        raise UsageProblem(
            f"{release.name} is from before releases carried their code", "choose a release made since, or run again"
        )
    left_out = _left_out(manifest, most_megabytes)
    partial = to.with_name(f".{to.name}.partial")
    try:
        count = _pack(partial, release, manifest, left_out, stage, advance)
        os.replace(partial, to)
    except OSError as error:
        partial.unlink(missing_ok=True)
        if tells_of_full_disk(error):
            raise StorageProblem(f"{printable(to)} cannot be written ({error.strerror})", "free space") from None
        raise UsageProblem(
            f"{printable(to)} cannot be written ({error.strerror})", "choose another --to FILE"
        ) from None
    return Bundle(to, sha256_of(to), to.stat().st_size, count, left_out)


def _left_out(manifest: Mapping, most_megabytes: float) -> dict[str, str]:
    """The files of the release that are not packed, each with the reason."""
    reasons = {}
    for name, entry in manifest["files"].items():
        top = name.partition("/")[0]
        if top not in PACKED_FOLDERS and name not in PACKED_FILES:
            reasons[name] = LEFT_OUT.get(top, "it is not meant for the bundle")
        elif top == "parquet" and entry["bytes"] > most_megabytes * 1e6:
            reasons[name] = f"it has {entry['bytes'] / 1e6:.0f} MB; --tables-up-to decides"
    return reasons


def _pack(
    target: Path, release: Path, manifest: Mapping, left_out: Mapping[str, str], stage: Callable, advance: Callable
) -> int:
    hashes = {}
    stage("bundle")
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in _contents(release, manifest, left_out):
            advance(name)
            hashes[name] = hashlib.sha256(content).hexdigest()
            add_file(packed, f"audit-{release.name}/{name}", content)
        listed = _json({"release": manifest["release"], "left_out": dict(sorted(left_out.items())), "files": hashes})
        add_file(packed, f"audit-{release.name}/bundle.json", listed)
        noted = f"{hashlib.sha256(listed).hexdigest()}  bundle.json\n"
        add_file(packed, f"audit-{release.name}/bundle.sha256", noted.encode("ascii"))
    return len(hashes) + 2


def _contents(release: Path, manifest: Mapping, left_out: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Every file of the bundle but its own list."""
    yield "README.txt", README.format(release=release.name).encode("utf-8")
    yield "verify.py", (ledger.CORE / "offline.py").read_bytes()
    for name in (chain.MANIFEST, chain.MANIFEST_HASH):
        yield name, (release / name).read_bytes()
    for name in sorted(manifest["files"]):
        if name not in left_out:
            yield name, (release / name).read_bytes()
    for name, content in verifying.unpacked(release / chain.CODE):
        yield f"code/{name}", content
    yield "fingerprints.json", _json(_fingerprints(manifest))
    yield from _from_tables(release, manifest)


def _fingerprints(manifest: Mapping) -> dict:
    tables = {
        name: {
            "content_fingerprint": table["content_fingerprint"],
            "history": table["history"],
            "sql": fingerprints.portable_sql(f"'parquet/{name}.parquet'", table["columns"], table["history"]),
        }
        for name, table in manifest["tables"].items()
    }
    return {"definition": manifest["fingerprint_definition"], "tables": tables}


def _from_tables(release: Path, manifest: Mapping) -> Iterator[tuple[str, bytes]]:
    """The receipts, and the rows as text, read from the Parquet files."""
    import duckdb

    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        yield "receipts.json", _json({"deliveries": _receipts(con, release, manifest)})
        for name, table in sorted(manifest["tables"].items()):
            if table["rows"] <= ROWS_WRITTEN_OUT:
                source = _parquet(release, name)
                rows = con.execute(f"select {fingerprints.row_text(table['columns'])} from {source}").fetchall()
                yield f"rows/{name}.tsv", "".join(f"{text}\n" for (text,) in rows).encode("utf-8")


def _receipts(con, release: Path, manifest: Mapping) -> list[dict]:
    """What the manifest and audit.deliveries tell of each delivery; a sender may be a person and is in neither."""
    names = ("delivery_id", "licence", "citation", "edition_date", "wave_code", "is_synthetic")
    found = con.execute(f"select {', '.join(names)} from {_parquet(release, 'audit.deliveries')}").fetchall()
    told = {row[0]: dict(zip(names, row, strict=True)) for row in found}
    return [entry | told.get(entry["delivery_id"], {}) for entry in manifest["deliveries"]]


def _parquet(release: Path, name: str) -> str:
    return parquet(release / "parquet" / f"{name}.parquet")


def _json(content: object) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n").encode("utf-8")
