"""The chain of releases: each one names the release before it and the hash of that one's manifest, back to the first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flows.core import ledger
from flows.core.landing import sha256_of

CHAIN, MANIFEST, MANIFEST_HASH, CODE = "chain.json", "manifest.json", "manifest.sha256", "code.zip"
COLUMNS = (
    "chain_position",
    "release",
    "created_at",
    "as_of",
    "run_id",
    "code_version",
    "manifest_sha256",
    "previous_release",
    "table_count",
    "delivery_count",
    "is_intact",
)


def before(previous: Path | None) -> list[dict]:
    """The releases that a new one follows, the first one first; the last entry is `previous` itself.

    What was rolled back from is no link: the chain follows the release that was current. `is_intact` tells whether the
    manifest, when the next release was made, still had the hash noted beside it, and the chain's file the one that the
    manifest names; else the chain begins anew there (None: made before hashes were noted).
    """
    if previous is None:
        return []
    manifest = ledger.read_json(previous / MANIFEST) or {}
    files = manifest.get("files")
    expected = files.get(CHAIN) if isinstance(files, dict) else None
    noted, sha256 = noted_hash(previous), sha256_of(previous / MANIFEST)
    links = _links_as_published(previous / CHAIN, expected)
    is_intact = None if noted is None and expected is None else noted == sha256 and links is not None
    links = links or []
    if is_intact is False:
        manifest = {}  # what it says is not believed; its hash is on record
    link = {
        "chain_position": len(links) + 1,
        "release": previous.name,
        "created_at": manifest.get("created_at"),
        "as_of": manifest.get("as_of"),
        "run_id": manifest.get("run_id"),
        "code_version": manifest.get("code_version"),
        "manifest_sha256": sha256,
        "previous_release": manifest.get("previous_release"),
        "table_count": len(manifest.get("tables") or {}),
        "delivery_count": len(manifest.get("deliveries") or []),
        "is_intact": is_intact,
    }
    return [*links, link]


def _links_as_published(path: Path, expected: object) -> list[dict] | None:
    """The links in a chain's file; None when it is not the file of the manifest: a damaged one is not built upon."""
    if not isinstance(expected, dict) or not path.is_file() or sha256_of(path) != expected.get("sha256"):
        return None
    told = ledger.read_json(path) or {}
    return [{name: link[name] for name in COLUMNS} for link in told["releases"]]


def noted_hash(release: Path) -> str | None:
    """The manifest's hash as it was written beside it, in the form that `sha256sum -c` reads."""
    try:
        sha256, name = (release / MANIFEST_HASH).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return sha256 if name == MANIFEST else None


def note_hash(release: Path) -> str:
    """Write the manifest's hash beside it, and return it."""
    sha256 = sha256_of(release / MANIFEST)
    (release / MANIFEST_HASH).write_text(f"{sha256}  {MANIFEST}\n", encoding="ascii")
    return sha256


def rows(links: list[dict]) -> list[tuple]:
    """Rows of `sources.releases`."""
    return [tuple(_utc(link[n]) if n == "created_at" else link[n] for n in COLUMNS) for link in links]


def _utc(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None
