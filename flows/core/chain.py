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
    manifest, when the next release was made, still had the hash noted beside it and named its chain's file rightly
    (None: made before hashes were noted).
    """
    if previous is None:
        return []
    manifest = ledger.read_json(previous / MANIFEST) or {}
    told = ledger.read_json(previous / CHAIN) or {}
    links = [dict(link) for link in told.get("releases", [])]
    sha256 = sha256_of(previous / MANIFEST)
    noted = noted_hash(previous)
    is_intact = None if noted is None and CHAIN not in manifest.get("files", {}) else noted == sha256
    if is_intact:
        chain = previous / CHAIN
        is_intact = chain.is_file() and sha256_of(chain) == manifest.get("files", {}).get(CHAIN, {}).get("sha256")
    link = {
        "chain_position": len(links) + 1,
        "release": previous.name,
        "created_at": manifest.get("created_at"),
        "as_of": manifest.get("as_of"),
        "run_id": manifest.get("run_id"),
        "code_version": manifest.get("code_version"),
        "manifest_sha256": sha256,
        "previous_release": manifest.get("previous_release"),
        "table_count": len(manifest.get("tables", {})),
        "delivery_count": len(manifest.get("deliveries", [])),
        "is_intact": is_intact,
    }
    return [*links, link]


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
