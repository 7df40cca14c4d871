"""Verifying a release afterwards: its files, fingerprints, code, chain and raw files against what its manifest says."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.core import chain, fingerprints, landing, ledger, publishing, withheld
from flows.core.errors import UnknownRelease, printable
from flows.core.landing import sha256_of
from flows.core.reading.tables import identifier, parquet, quoted
from flows.settings import Settings

DIFFERS, NOTE = "differs", "note"


@dataclass(frozen=True)
class Finding:
    """What is not as the release says (`differs`), or what could not be compared (`note`)."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True)
class Verified:
    """What was compared, as (what, how many), and what was found."""

    release: Path
    compared: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]

    @property
    def differing(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == DIFFERS]


class Examination:
    """One release being verified. `stage` and `advance` tell how far it is."""

    def __init__(self, settings: Settings, release: Path, stage: Callable, advance: Callable) -> None:
        self.settings, self.release, self.stage, self.advance = settings, release, stage, advance
        self.findings: list[Finding] = []
        self.compared: dict[str, int] = {}
        self.manifest: dict = {}
        self.whole: set[str] = set()

    def differs(self, subject: str, text: str) -> None:
        self.findings.append(Finding(DIFFERS, printable(subject), printable(text)))

    def note(self, subject: str, text: str) -> None:
        self.findings.append(Finding(NOTE, printable(subject), printable(text)))

    def count(self, what: str, number: int = 1) -> None:
        self.compared[what] = self.compared.get(what, 0) + number


def place_of(releases: Path, current: Path, name: str | None) -> Path:
    """The folder of a release, whole or not: the current one without a name. Raises UnknownRelease."""
    folders = sorted(p for p in releases.glob("*") if publishing.RELEASE_NAME.fullmatch(p.name) and p.is_dir())
    if name is None:
        if not os.path.lexists(current):
            raise UnknownRelease(f"there is no release yet in {releases.parent}", "run `barometer run`")
        if not current.is_dir():
            raise UnknownRelease(
                f"{current} leads to no release", "make a kept release current with `barometer rollback`"
            )
        return current.resolve()
    matching = [p for p in folders if p.name == name] or [p for p in folders if name and p.name.startswith(name)]
    if len(matching) != 1:
        listed = ", ".join(p.name for p in folders) or "none"
        problem = "no kept release is called" if not matching else "several releases begin with"
        raise UnknownRelease(f"{problem} {printable(name)!r}; kept are: {listed}", "name one of these")
    return matching[0]


def verify(settings: Settings, release: Path, raw: Path | None, stage: Callable, advance: Callable) -> Verified:
    """Compare everything that can be compared. Never raises for what it finds."""
    seen = Examination(settings, release, stage, advance)
    if _read_manifest(seen):
        _check_manifest(seen)
        _check_files(seen)
        _check_code(seen)
        _check_fingerprints(seen)
        _check_chain(seen)
        if raw is not None:
            _check_raw(seen, raw)
    return Verified(release, tuple(seen.compared.items()), tuple(seen.findings))


def _read_manifest(seen: Examination) -> bool:
    path = seen.release / chain.MANIFEST
    seen.stage("manifest")
    problem = _no_plain_file(path)
    if problem is None:
        try:
            content = path.read_bytes()
        except OSError as error:
            problem = f"cannot be read ({error.strerror})"
        else:
            seen.manifest = ledger.read_json(path) or {}
            if not _has_shape(seen.manifest):
                problem = "is no manifest of a release" if content else "is empty"
    if problem is not None:
        seen.differs(chain.MANIFEST, f"{problem}: nothing else can be compared with it")
        seen.manifest = {}
    return problem is None


def _has_shape(manifest: Mapping) -> bool:
    """Whether the parts that are read below are there and of the right kind."""
    parts = {"files": dict, "tables": dict, "deliveries": list, "release": str, "code_version": str}
    if any(not isinstance(manifest.get(name), kind) for name, kind in parts.items()):
        return False
    entries = [*manifest["files"].values(), *manifest["tables"].values(), *manifest["deliveries"]]
    return all(isinstance(entry, dict) for entry in entries)


def _no_plain_file(path: Path) -> str | None:
    """What stands in place of a file, if it is none."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if stat.S_ISLNK(mode):
        return "is a symbolic link, not a file"
    return None if stat.S_ISREG(mode) else "is no file"


def _check_manifest(seen: Examination) -> None:
    """The manifest's own hash, wherever one is kept: beside it, in the run's record, in the chains of later releases."""
    sha256 = sha256_of(seen.release / chain.MANIFEST)
    named = seen.manifest["release"]
    if seen.release.name != named and not seen.release.name.startswith(f"{named}-"):
        seen.differs(chain.MANIFEST, f"is the manifest of {named}, not of {seen.release.name}")
    if chain.CHAIN not in seen.manifest["files"]:
        seen.note(chain.MANIFEST_HASH, "the release is from before hashes of manifests were kept")
    else:
        problem = _no_plain_file(seen.release / chain.MANIFEST_HASH)
        whole = f"{sha256}  {chain.MANIFEST}\n".encode("ascii")
        if problem is not None:
            seen.differs(chain.MANIFEST_HASH, problem)
        elif _bytes(seen, chain.MANIFEST_HASH) != whole:
            seen.differs(chain.MANIFEST_HASH, f"is not the hash of {chain.MANIFEST}: one of the two was changed")
        else:
            seen.count("hashes of the manifest")
    record = ledger.read_json(seen.settings.runs / f"{seen.release.name}.json")
    if record is None or "manifest_sha256" not in record:
        seen.note(f"runs/{seen.release.name}.json", "no record of the run with the manifest's hash")
    elif record["manifest_sha256"] != sha256:
        seen.differs(chain.MANIFEST, "is not the one that the run's record knows")
    else:
        seen.count("hashes of the manifest")
    for later in sorted(seen.release.parent.glob("*")):
        if later == seen.release or not publishing.RELEASE_NAME.fullmatch(later.name):
            continue
        for link in _links(ledger.read_json(later / chain.CHAIN)):
            if link.get("release") == seen.release.name:
                seen.count("hashes of the manifest")
                if link.get("manifest_sha256") != sha256:
                    seen.differs(chain.MANIFEST, f"is not the one that the later release {later.name} followed")


def _bytes(seen: Examination, name: str) -> bytes:
    try:
        return (seen.release / name).read_bytes()
    except OSError:
        return b""


def _check_files(seen: Examination) -> None:
    """Each file by size and hash; none missing, none too many, no link in place of a file or folder."""
    expected = {**seen.manifest["files"], **_letters(seen)}
    seen.stage("files", len(expected))
    present = set(_names(seen.release)) - {chain.MANIFEST, chain.MANIFEST_HASH}
    for name in sorted(expected):
        seen.advance(name)
        if name in present and expected[name].get("sha256") is None:
            seen.note(name, "not compared: the hashes of letters are internal, and not here")
            continue
        problem = _difference(seen.release / name, expected[name]) if name in present else "is missing"
        if problem is None:
            seen.whole.add(name)
            seen.count("files")
        else:
            seen.differs(name, problem)
    for name in sorted(present - set(expected)):
        seen.differs(name, "is not in the manifest")


def _letters(seen: Examination) -> Mapping:
    """The hashes of the letters, which the manifest must not tell; only of letters, and only where the manifest has none."""
    taken = withheld.of_release(seen.settings.runs, seen.release) or {}
    known = taken.get("letters") or {}
    return {
        name: entry for name, entry in known.items() if seen.manifest["files"].get(name, {}).get("sha256", "") is None
    }


def _names(release: Path) -> Iterator[str]:
    """All that lies in the release but folders with something in them: files, links, pipes, empty folders."""

    def closed(error: OSError) -> None:
        unreadable.append(Path(error.filename))

    unreadable: list[Path] = []
    for folder, folders, names in os.walk(release, onerror=closed):
        place = Path(folder)
        linked = [name for name in folders if (place / name).is_symlink()]
        for name in [*names, *linked]:
            yield (place / name).relative_to(release).as_posix()
        if not names and not folders and place != release:
            yield place.relative_to(release).as_posix()
    yield from (path.relative_to(release).as_posix() for path in unreadable)


def _difference(path: Path, expected: Mapping) -> str | None:
    problem = _no_plain_file(path)
    if problem is not None:
        return problem
    try:
        size = path.stat().st_size
        if size != expected.get("bytes"):
            return f"has {size} bytes, not {expected.get('bytes')}"
        return None if sha256_of(path) == expected.get("sha256") else "has another content (its sha256 differs)"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _check_code(seen: Examination) -> None:
    """The packed SQL and core are those whose version the manifest names."""
    if chain.CODE not in seen.whole:
        if chain.CODE not in seen.manifest["files"]:
            seen.note(chain.CODE, "the release is from before it carried its code")
        return
    try:
        version = ledger.version_of(unpacked(seen.release / chain.CODE))
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        seen.differs(chain.CODE, f"cannot be unpacked ({type(error).__name__})")
        return
    if version != seen.manifest["code_version"]:
        seen.differs(chain.CODE, f"holds the code {version}, the manifest says {seen.manifest['code_version']}")
    else:
        seen.count("code version")


def unpacked(path: Path) -> list[tuple[str, bytes]]:
    """The files of a release's code, in their order."""
    with zipfile.ZipFile(path) as packed:
        return [(name, packed.read(name)) for name in packed.namelist()]


def _check_fingerprints(seen: Examination) -> None:
    """The rows in Parquet and in the database, by the fingerprints of the manifest and by each other.

    A file with other bytes than the manifest says is not opened: it was told already, and may be made to do harm.
    """
    import duckdb

    tables = seen.manifest["tables"]
    seen.stage("fingerprints", len(tables))
    database = seen.release / "campaign.duckdb"
    limits = {"threads": seen.settings.threads, "memory_limit": seen.settings.memory_limit}
    offline = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    with duckdb.connect(config=limits | offline) as con:
        con.execute("set timezone = 'UTC'")
        if not all("content_fingerprint" in entry for entry in tables.values()):
            seen.note(
                "fingerprints", "the release is from before content fingerprints: only Parquet and database compared"
            )
        is_attached = database.name in seen.whole and _attach(seen, con, database)
        for name in sorted(tables):
            seen.advance(name)
            file = f"parquet/{name}.parquet"
            relations = {}
            if file in seen.whole:
                relations[file] = parquet(seen.release / file)
            elif file not in seen.manifest["files"]:
                seen.differs(name, "has no Parquet file in the manifest")
            if is_attached:
                schema, _, table = name.partition(".")
                relations[f"campaign.duckdb {name}"] = f"release.{identifier(schema)}.{identifier(table)}"
            _compare(seen, con, tables[name], relations)


def _attach(seen: Examination, con, database: Path) -> bool:
    import duckdb

    try:
        con.execute(f"attach {quoted(database)} as release (read_only)")
        sql = "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'release'"
        found = {row[0] for row in con.execute(sql).fetchall()}
    except duckdb.Error as error:
        seen.differs(database.name, f"cannot be opened ({type(error).__name__})")
        return False
    for name in sorted(found ^ set(seen.manifest["tables"])):
        seen.differs(f"{database.name} {name}", "is not in the manifest" if name in found else "is missing")
    return True


def _compare(seen: Examination, con, entry: Mapping, relations: Mapping[str, str]) -> None:
    import duckdb

    derived = {}
    for subject, relation in relations.items():
        try:
            columns = fingerprints.columns_of(con, relation)
            if columns != entry.get("columns"):
                seen.differs(subject, "has other columns or types than the manifest says")
                continue
            of_all = fingerprints.of_relation(con, relation, columns)
            history = entry.get("history") or ()
            without = fingerprints.of_relation(con, relation, columns, history) if history else of_all
        except duckdb.Error as error:
            seen.differs(subject, f"cannot be read ({type(error).__name__})")
            continue
        derived[subject] = of_all
        if "content_fingerprint" in entry and without != entry["content_fingerprint"]:
            seen.differs(subject, "holds other rows than the fingerprint in the manifest says")
        elif "content_fingerprint" in entry and without is not None:
            seen.count("fingerprints")
    if len(set(derived.values())) > 1:
        seen.differs(" and ".join(derived), "hold different rows")


def _check_chain(seen: Examination) -> None:
    """The releases before: their manifests, as far as they are kept, have the hashes that the chain names."""
    seen.stage("chain")
    previous = seen.manifest.get("previous_release")
    if chain.CHAIN not in seen.whole:
        return
    links = _links(ledger.read_json(seen.release / chain.CHAIN))
    last = links[-1] if links else {}
    named = (previous, seen.manifest.get("previous_manifest_sha256"))
    if (last.get("release"), last.get("manifest_sha256")) != named:
        seen.differs(chain.CHAIN, "does not end with the previous release that the manifest names")
    if previous is None:
        seen.note("chain", "no release before this one: it is the first")
    gone = []
    for link in links:
        name = str(link.get("release"))
        manifest = seen.release.parent / name / chain.MANIFEST
        if not publishing.RELEASE_NAME.fullmatch(name) or not manifest.is_file():
            gone.append(name)
        elif sha256_of(manifest) != link.get("manifest_sha256"):
            seen.differs(f"{name}/{chain.MANIFEST}", "is not the one that this release followed")
        else:
            seen.count("links of the chain")
    if gone:
        seen.note("chain", f"{len(gone)} of {len(links)} earlier releases are no longer kept, the last {gone[-1]}")


def _links(content: object) -> list[dict]:
    links = content.get("releases") if isinstance(content, dict) else None
    return [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []


def _check_raw(seen: Examination, raw: Path) -> None:
    """The files that the release was made of, as they lie in the raw folder now."""
    files = landing.plain_files(raw)
    seen.stage("raw files", len(files))
    present: dict[str, str] = {}
    for path in files:
        name = printable(path.relative_to(raw))
        seen.advance(name)
        try:
            present[sha256_of(path)] = name
        except OSError as error:
            seen.note(f"raw {name}", f"cannot be read ({error.strerror})")
    pruned = landing.pruned_on(raw)
    for entry in seen.manifest["deliveries"]:
        name, sha256 = str(entry.get("file_name")), entry.get("sha256")
        if sha256 in present:
            seen.count("raw files")
        elif sha256 in pruned:
            seen.note(f"raw {name}", f"was removed on {pruned[sha256]}, its time being over; cannot be compared")
        elif not sha256:
            seen.note(f"raw {name}", "could not be read when it was received")
        elif entry.get("is_withdrawn"):
            seen.note(f"raw {name}", "was replaced or taken away before this release was made")
        else:
            seen.differs(f"raw {name}", f"is not in {raw} with the content that the release was made of")
