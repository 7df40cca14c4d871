"""Check an audit bundle of the campaign barometer offline, with Python's standard library alone (3.9 or newer).

Vérifie un dossier d'audit du baromètre hors ligne, avec la seule bibliothèque standard de Python (3.9 ou plus).

    python3 verify.py            in the unpacked folder / dans le dossier décompressé

It stands on nothing of the barometer: what a fingerprint is, is written out again here.
Exit code: 0 all that was compared agrees, 1 something differs.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

LISTED, LIST_HASH = "bundle.json", "bundle.sha256"
FIRST_LINE = "campaign barometer fingerprint 1"


class Report:
    """What was compared and what differs."""

    def __init__(self):
        self.differing = []

    def section(self, title):
        print("\n" + title)

    def agrees(self, text):
        print("  ok       " + text)

    def note(self, text):
        print("  note     " + text)

    def differs(self, text):
        self.differing.append(text)
        print("  DIFFERS  " + text)

    def compare(self, is_equal, text):
        (self.agrees if is_equal else self.differs)(text)


def sha256_of(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def noted(path, name):
    """The hash in a file in the form of sha256sum; nothing when it is of another form."""
    try:
        parts = path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    sha256 = parts[:64]
    return sha256 if parts == sha256 + "  " + name + "\n" else None


def files_below(folder):
    """Every file, link and empty folder, by its name with slashes."""
    for place, folders, names in os.walk(str(folder)):
        linked = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in names + linked:
            yield Path(place, name).relative_to(folder).as_posix()
        if not names and not folders and Path(place) != folder:
            yield Path(place).relative_to(folder).as_posix()


def check_list(report, root):
    """Every file against the bundle's own list; returns the list."""
    report.section("Files of the bundle / Fichiers du dossier")
    content = (root / LISTED).read_bytes()
    report.compare(
        noted(root / LIST_HASH, LISTED) == hashlib.sha256(content).hexdigest(), LISTED + " has the hash in " + LIST_HASH
    )
    listed = json.loads(content.decode("utf-8"))
    expected = listed["files"]
    present = set(files_below(root)) - {LISTED, LIST_HASH}
    whole = 0
    for name in sorted(expected):
        path = root / name
        if name not in present:
            report.differs(name + " is missing")
        elif path.is_symlink() or not path.is_file():
            report.differs(name + " is no plain file")
        elif sha256_of(path) != expected[name]:
            report.differs(name + " has another content")
        else:
            whole += 1
    for name in sorted(present - set(expected)):
        report.differs(name + " is not in the list")
    report.compare(whole == len(expected), f"{whole} of {len(expected)} files are as listed")
    return listed


def check_manifest(report, root, listed):
    """The manifest's own hash, and every file that it names: here and the same, or left out for a reason that is told."""
    report.section("Manifest of the release / Manifeste de la publication")
    sha256 = sha256_of(root / "manifest.json")
    report.compare(
        noted(root / "manifest.sha256", "manifest.json") == sha256, "manifest.json has the hash in manifest.sha256"
    )
    manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    print("           release {release}, as of {as_of}, code {code_version}".format(**manifest))
    print("           sha256 of its manifest: " + sha256)
    here = 0
    for name in sorted(manifest["files"]):
        path = root / name
        if path.is_file():
            here += 1
            if sha256_of(path) != manifest["files"][name]["sha256"]:
                report.differs(name + " is not the file of the release")
        elif name in listed["left_out"]:
            report.note(name + " is not in the bundle: " + listed["left_out"][name])
        else:
            report.differs(name + " of the release is missing without a reason")
    report.agrees(f"{here} of {len(manifest['files'])} files of the release are here and were compared")
    return manifest


def check_code(report, root, manifest):
    """The SQL, contracts, decisions and core that the release was built with: their hash is the code version."""
    report.section("Code, contracts and decisions / Code, contrats et décisions")
    digest = hashlib.sha256()
    count = 0
    for name in ("sql", "core"):
        folder = root / "code" / name
        paths = [p for p in folder.rglob("*") if p.is_file()]
        for path in sorted(paths, key=lambda p: p.relative_to(folder).parts):
            digest.update(path.relative_to(folder).as_posix().encode("utf-8") + b"\0" + path.read_bytes() + b"\0")
            count += 1
    version = digest.hexdigest()[:12]
    report.compare(version == manifest["code_version"], f"{count} files in code/ give the code version {version}")


def check_chain(report, root, manifest):
    """The releases before this one, each with the hash of its manifest."""
    report.section("Chain of releases / Chaîne des publications")
    links = json.loads((root / "chain.json").read_text(encoding="utf-8"))["releases"]
    last = links[-1] if links else {}
    previous = (manifest["previous_release"], manifest["previous_manifest_sha256"])
    report.compare(
        (last.get("release"), last.get("manifest_sha256")) == previous,
        "chain.json ends with the release before this one",
    )
    positions = [link["chain_position"] for link in links]
    report.compare(positions == list(range(1, len(links) + 1)), f"{len(links)} earlier releases, without a gap")
    for link in links:
        print("           {chain_position:4d}  {release}  manifest {manifest_sha256}".format(**link))


def check_deliveries(report, root, manifest):
    """The receipts against the manifest; no row may be lost between a file and its verdict."""
    report.section("Deliveries / Fichiers reçus")
    receipts = json.loads((root / "receipts.json").read_text(encoding="utf-8"))["deliveries"]
    by_id = {receipt["delivery_id"]: receipt for receipt in receipts}
    same = ("sha256", "bytes", "file_name", "verdict", "rows_read", "rows_accepted", "rows_quarantined")
    entries = manifest["deliveries"]
    unlike = [e["file_name"] for e in entries if any(by_id.get(e["delivery_id"], {}).get(n, "") != e[n] for n in same)]
    report.compare(len(receipts) == len(entries) and not unlike, f"{len(receipts)} receipts agree with the manifest")
    told = [e for e in entries if e["rows_read"] is not None]
    lost = [e["file_name"] for e in told if e["rows_read"] != e["rows_accepted"] + e["rows_quarantined"]]
    report.compare(not lost, "rows read = accepted + quarantined" + "".join(", not in " + name for name in lost))
    if len(told) < len(entries):
        report.note(f"the rows of {len(entries) - len(told)} files are few records or persons, and hidden")


def fingerprint_of(path, columns, left_out):
    """The fingerprint from the rows written out as text, one a line; the manifest says how it is defined."""
    names = list(columns)
    kept = [i for i, name in enumerate(names) if name not in left_out]
    rows = first = last = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                raise ValueError("the last line is cut")
            values = line[:-1].split(b"\t")
            if len(values) != len(names):
                raise ValueError(f"row {rows + 1} has {len(values)} values, not {len(names)}")
            digest = hashlib.md5(b"\t".join([values[i] for i in kept])).digest()
            first += int.from_bytes(digest[:8], "little")
            last += int.from_bytes(digest[8:], "little")
            rows += 1
    lines = [FIRST_LINE, *(names[i] + " " + columns[names[i]] for i in kept)]
    text = "\n".join([*lines, f"{rows} {first} {last}"])
    return rows, hashlib.sha256(text.encode("utf-8")).hexdigest()


def check_rows(report, root, manifest):
    """The published rows, written out as text: their fingerprints are derived anew."""
    report.section("Published rows / Lignes publiées")
    derived = 0
    for name in sorted(manifest["tables"]):
        table = manifest["tables"][name]
        path = root / "rows" / (name + ".tsv")
        if not path.is_file():
            report.note(f"{name} ({table['rows']} rows) is not written out: only its file was compared, if it is here")
            continue
        try:
            rows, fingerprint = fingerprint_of(path, table["columns"], table["history"])
        except ValueError as error:
            report.differs(f"{name}: {error}")
            continue
        if rows != table["rows"]:
            report.differs(f"{name} has {rows} rows, the manifest says {table['rows']}")
        elif table["content_fingerprint"] is None:
            report.note(name + " speaks of earlier releases alone and has no fingerprint")
        elif fingerprint != table["content_fingerprint"]:
            report.differs(name + " holds other rows than its fingerprint says")
        else:
            derived += 1
    report.agrees(f"{derived} of {len(manifest['tables'])} fingerprints derived from the rows themselves")


def tell_checks(report, manifest):
    """What the barometer itself found in its tables; it is told here, not judged again."""
    report.section("Expectations on the tables, as the release tells / Contrôles des tables, selon la publication")
    counts = {}
    for name in sorted(manifest["tables"]):
        for check in manifest["tables"][name]["checks"]:
            counts[check["verdict"]] = counts.get(check["verdict"], 0) + 1
            if check["verdict"] != "passed":
                report.note("{}: {expectation_id} {verdict} ({failed_rows} rows)".format(name, **check))
    print("           " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts)))


def main():
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    root = Path(os.path.dirname(os.path.abspath(__file__)))
    report = Report()
    try:
        listed = check_list(report, root)
        manifest = check_manifest(report, root, listed)
        report.compare(listed["release"] == manifest["release"], "the bundle is of release " + str(manifest["release"]))
        check_code(report, root, manifest)
        check_chain(report, root, manifest)
        check_deliveries(report, root, manifest)
        check_rows(report, root, manifest)
        tell_checks(report, manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        report.differs(f"not readable as an audit bundle: {type(error).__name__}: {error}")
    print()
    if report.differing:
        print(f"{len(report.differing)} DIFFER. Do not rely on this copy; ask for another.")
        print(f"{len(report.differing)} ÉCARTS. Ne vous fiez pas à cette copie ; demandez-en une autre.")
        return 1
    print(
        "Everything that was compared agrees. This shows that nothing was changed since, not that the figures are true."
    )
    print(
        "Tout ce qui a été comparé concorde. Cela montre que rien n'a été modifié depuis, non que les chiffres sont vrais."
    )
    print(
        "To know that this bundle is the one that was given out, compare the sha256 of its zip with one from elsewhere."
    )
    print("Pour savoir que ce dossier est bien celui remis, comparez le sha256 du zip avec une source indépendante.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
