"""The pages about the checks, for somebody who audits: an index, and a page for each delivery and each published table.

Rendered by templates of our own. Great Expectations' renderer was tried: its pages load styles and scripts from seven hosts,
are in English only, call an expectation that crashed `failed`, and take 0.09 s of computing each: 5 s on the sample, where
these take 0.3 s together, so that nothing need be kept from the run before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from flows.core.errors import printable
from flows.core.report import frame
from flows.core.report.frame import Both
from flows.core.report.told import Subject, Told
from flows.core.report.validation_files import result_path

ACTIONS = {
    "deliveries": {
        "refuse": Both("la livraison est refusée", "the delivery is refused"),
        "quarantine": Both("les lignes sont mises à part", "the rows are set aside"),
        "warn": Both("signalé, sans autre effet", "reported, nothing else"),
    },
    "tables": {
        "refuse": Both("rien n’est publié", "nothing is published"),
        "warn": Both("signalé, sans autre effet", "reported, nothing else"),
    },
}
SOURCES = {
    "police": Both("Police", "Police"),
    "partners": Both("Partenaires", "Partners"),
    "surveys": Both("Enquêtes", "Surveys"),
    "reference": Both("Référence", "Reference"),
}


def write(folder: Path, told: Told) -> None:
    """Write `index.html`, `deliveries/<id>.html` and `tables/<name>.html` below the release's `validation` folder."""
    words = {
        "told": told,
        "check_signs": frame.CHECK_SIGNS,
        "delivery_signs": frame.DELIVERY_SIGNS,
        "severities": frame.SEVERITIES,
        "result_path": result_path,
    }
    _put(folder / "index.html", "validation_index.html.j2", words | _index(told))
    for family, subjects in (("deliveries", told.deliveries), ("tables", told.tables)):
        (folder / family).mkdir(exist_ok=True)
        for subject in subjects:
            page = words | {"subject": subject, "family": family, "actions": ACTIONS[family]}
            _put(folder / page_path(family, subject), f"validation_{family}.html.j2", page)


def page_path(family: str, subject: Subject) -> str:
    return f"{family}/{subject.name}.html"


def _put(path: Path, template: str, filled: dict) -> None:
    path.write_text(frame.render(template, **filled), encoding="utf-8")


def _index(told: Told) -> dict:
    return {
        "actions": ACTIONS,
        "concerns": [
            (family, subject, check)
            for family, subjects in (("deliveries", told.deliveries), ("tables", told.tables))
            for subject in subjects
            for check in subject.in_order_of_concern
            if check["verdict"] != "passed"
        ],
        "verdicts": Counter(d.row.verdict.verdict for d in told.deliveries),
        "tallies": {"deliveries": _tally(told.deliveries), "tables": _tally(told.tables)},
        "groups": _by_source(told),
    }


def _tally(subjects: Iterable[Subject]) -> Counter:
    return Counter(check["verdict"] for subject in subjects for check in subject.checks)


def _by_source(told: Told) -> list[tuple[Both, list]]:
    """Deliveries by the folder that they came in, each group in order of receipt."""
    groups: dict[str, list] = {}
    for delivery in told.deliveries:
        groups.setdefault(delivery.row.delivery.folder.partition("/")[0], []).append(delivery)
    order = [*SOURCES, *sorted(set(groups) - set(SOURCES))]
    return [(SOURCES.get(name, Both(printable(name) or "—", "")), groups[name]) for name in order if name in groups]
