"""The state of the warehouse: the current release, what it was made of, and which sources are missing or late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from flows.core import internal, landing, ledger, permissions, publishing
from flows.core.contracts import Contract, load_contracts
from flows.core.steps import DeliveryLine, recorded_lines
from flows.settings import Settings


@dataclass(frozen=True)
class SourceState:
    """One contract: how many deliveries, the day of the last one, and whether the next is late."""

    contract: str
    deliveries: int
    last_received: str | None
    expected_every_days: int | None
    state: str


@dataclass(frozen=True)
class Status:
    """What `barometer status` tells. `internal` is the release that the internal database belongs to, `unread` are deliveries
    that the current release does not know, `open_raw` is the raw folder when every user of the machine can open it.
    """

    release: str | None
    as_of: str | None
    code_version: str | None
    kept: tuple[str, ...]
    deliveries: tuple[DeliveryLine, ...]
    unread: tuple[str, ...]
    sources: tuple[SourceState, ...]
    internal: str | None = None
    open_raw: str | None = None


def status(settings: Settings, today: date) -> Status:
    """Read the warehouse and the raw folder; writes nothing but receipts of new files' hashes in memory."""
    release = publishing.current_release(settings.current)
    manifest = (ledger.read_json(release / "manifest.json") if release else None) or {}
    entries = manifest.get("deliveries", [])
    known = {entry["delivery_id"] for entry in entries}
    present = _present(settings)
    contracts = load_contracts(settings.sql / "0_sources")
    return Status(
        release.name if release else None,
        manifest.get("as_of"),
        manifest.get("code_version"),
        tuple(r.name for r in publishing.kept_releases(settings.releases)),
        recorded_lines(settings, release) if release else (),
        tuple(sorted(name for name, delivery_id in present.items() if delivery_id not in known)),
        tuple(_state(contract, entries, today) for contract in contracts.values()),
        internal.release_of(settings.internal) if settings.internal.is_file() else None,
        str(settings.raw) if permissions.is_open_to_all(settings.raw) else None,
    )


def _present(settings: Settings) -> dict[str, str]:
    """Files of the raw folder by name, with the delivery that their content is."""
    if not settings.raw.is_dir():
        return {}
    files = [p for p in landing._files(settings.raw) if p.is_file() and not p.is_symlink()]
    return {landing.printable(p.relative_to(settings.raw)): landing.delivery_id_of(landing.sha256_of(p)) for p in files}


def _state(contract: Contract, entries: list[dict], today: date) -> SourceState:
    received = sorted(e["received_at"][:10] for e in entries if e["contract"] == contract.name and e["is_in_force"])
    last = received[-1] if received else None
    every = contract.expected_every_days
    if every is None:
        state = "received" if last else "none yet"
    elif last is None:
        state = "missing"
    else:
        state = "late" if date.fromisoformat(last) + timedelta(days=every) < today else "on time"
    return SourceState(contract.name, len(received), last, every, state)
