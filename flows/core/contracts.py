"""Contracts: what a kind of delivery looks like, read from `sql/0_sources/*.yml`."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flows.core.errors import ModelError
from flows.core.row_counts import FAMILIES, Counted

TYPES = {
    "code": "varchar",
    "text": "varchar",
    "label": "varchar",
    "integer": "bigint",
    "number": "double",
    "percent": "double",
    "year": "integer",
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
}
ON_FAILURE = ("refuse", "quarantine", "warn")
SEVERITIES = ("critical", "warning", "info")

FORBIDDEN_HEADERS = re.compile(
    r"(e_?mail|courriel|mail|adresse_mail|adresse_e_mail|tel|telephone|portable|mobile|phone|ip|ip_?addr(ess)?|adresse_ip"
    r"|nom|prenom|nom_prenom|nom_de_famille|first_?name|last_?name|surname|date_de_naissance|naissance|birth_?date"
    r"|adresse|adresse_postale|numero_securite_sociale|nir|token|jeton)"
)
"""Headers that name a person: no contract takes them, so a delivery that has one is sent back."""


def normalised(name: str) -> str:
    """A header or label without case, accents and punctuation: `Unité.de compte ` becomes `unite_de_compte`."""
    plain = unicodedata.normalize("NFKD", name.replace("’", "'").replace("œ", "oe"))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


@dataclass(frozen=True)
class Column:
    """A column of a contract. `type` is one of TYPES, `spellings` normalised header names, or patterns with a [class].

    `is_listed` says that its texts are the publisher's own labels, which a profile may name.
    """

    name: str
    type: str
    description: str
    spellings: tuple[str, ...] = ()
    required: bool = False
    staged: bool = True
    pad: int | None = None
    unit: str | None = None
    is_listed: bool = False
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def is_spelt(self, normalised_header: str) -> bool:
        if normalised_header == self.name or normalised_header in self.spellings:
            return True
        return any("[" in pattern and re.fullmatch(pattern, normalised_header) for pattern in self.spellings)

    @property
    def sql_type(self) -> str:
        return TYPES[self.type]


@dataclass(frozen=True)
class Expectation:
    """One expectation by Great Expectations' own name, with what happens when it fails and why it is as strict as it is."""

    id: str
    expectation: str
    kwargs: tuple[tuple[str, object], ...]
    severity: str
    on_failure: str
    reason: str

    def arguments(self) -> dict[str, object]:
        return dict(self.kwargs)


@dataclass(frozen=True)
class Anonymity:
    """How many respondents must share what others may know of them: the answers to `questions`, withheld in that order."""

    k: int
    questions: tuple[str, ...]
    reason: str


SMALL_CELLS = "respondents_not_alone"
"""The expectation that a contract with a rule of anonymity has besides its own."""


@dataclass(frozen=True)
class Contract:
    """One kind of delivery; `version` changes when anything in its file changes.

    `history_period`, `history_measure` and `history_by` name the columns by which its deliveries are compared over time;
    `keep_raw_days` and `keep_quarantine_days` say how long files and rows set aside are kept after receipt (None: for ever);
    `counted` whether its rows are police records, persons, or open to all (see `row_counts`).
    """

    name: str
    title: str
    title_fr: str
    description: str
    source: str
    owner: str
    licence: str
    citation: str
    personal_data: str
    counted: Counted
    forms: tuple[str, ...]
    missing: tuple[str, ...]
    has_edition: bool
    expected_every_days: int | None
    recognise_all: tuple[str, ...]
    recognise_any: tuple[str, ...]
    recognise_none: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    expectations: tuple[Expectation, ...]
    version: str
    history_period: str | None = None
    history_measure: str | None = None
    history_by: str | None = None
    anonymity: Anonymity | None = None
    keep_raw_days: int | None = None
    keep_quarantine_days: int | None = None

    @property
    def staged_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.staged)

    @property
    def period_unit(self) -> str | None:
        """month or year: how fine the contract's rows are counted over time."""
        if self.history_period is None:
            return None
        return "year" if self.column(self.history_period).type == "year" else "month"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def load_contracts(folder: Path) -> dict[str, Contract]:
    """All contracts of a folder by name. Raises ModelError that names the file and the entry that is wrong."""
    if not folder.is_dir():
        raise ModelError(f"no folder of contracts at {folder}", "run from the project's checkout")
    texts = tuple((path, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yml")))
    return dict(_load_all(texts))


@lru_cache(maxsize=4)
def _load_all(texts: tuple[tuple[Path, str], ...]) -> tuple[tuple[str, Contract], ...]:
    return tuple((contract.name, contract) for contract in (_load(path, text) for path, text in texts))


def load_yaml(text: str) -> object:
    """YAML through libyaml where it is there: ten times faster than the pure Python loader."""
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _load(path: Path, text: str) -> Contract:
    try:
        content = load_yaml(text)
        contract = _contract(content, hashlib.sha256(text.encode()).hexdigest()[:12])
    except ModelError:
        raise
    except Exception as error:  # a broken file must name itself whatever broke in it
        raise ModelError(
            f"contract {path}: {type(error).__name__}: {error}", "compare it with its neighbours"
        ) from error
    if contract.name != path.stem:
        raise ModelError(f"contract {path} calls itself {contract.name}", "give file and contract the same name")
    _check(contract, path)
    return contract


def _contract(content: dict, version: str) -> Contract:
    recognise, history = content["recognise"], content.get("history", {})
    anonymity, retention = _anonymity(content.get("anonymity")), content.get("retention", {})
    _expect_retention(retention)
    return Contract(
        name=content["contract"],
        title=content["title"],
        title_fr=content["title_fr"],
        description=" ".join(content["description"].split()),
        source=content["source"],
        owner=content["owner"],
        licence=content["licence"],
        citation=content["citation"],
        personal_data=content["personal_data"],
        counted=_counted(content["counts"]),
        forms=tuple(content["forms"]),
        missing=tuple(str(token) for token in content.get("missing", ())),
        has_edition=bool(content.get("edition", False)),
        expected_every_days=content.get("expected_every_days"),
        recognise_all=tuple(recognise["all"]),
        recognise_any=tuple(recognise.get("any", ())),
        recognise_none=tuple(recognise.get("none", ())),
        key=tuple(content["key"]),
        columns=tuple(_column(name, spec) for name, spec in content["columns"].items()),
        expectations=(
            *(expectation_of(spec) for spec in content.get("expectations") or ()),
            *([_small_cells(anonymity)] if anonymity else []),
        ),
        version=version,
        history_period=history.get("period"),
        history_measure=history.get("measure"),
        history_by=history.get("by"),
        anonymity=anonymity,
        keep_raw_days=retention.get("keep_raw_days"),
        keep_quarantine_days=retention.get("keep_quarantine_days"),
    )


def _counted(spec: dict) -> Counted:
    """Raises ValueError: what is not said to be open or not would be published as it is."""
    if spec.get("of") not in FAMILIES:
        raise ValueError(f"counts: of is none of {', '.join(FAMILIES)}")
    if not re.match(r"20\d\d-\d\d", str(spec.get("reason"))):
        raise ValueError("counts: the reason does not begin with its date (2026-11: …)")
    rows_each = spec.get("rows_each", 1)
    if type(rows_each) is not int or rows_each < 1:
        raise ValueError("counts: rows_each is a whole number from 1 on, the most rows of one record or person")
    return Counted(spec["of"], rows_each)


def _expect_retention(spec: dict) -> None:
    """Raises ValueError: what is removed by a slip does not come back."""
    days = {name: value for name, value in spec.items() if name != "reason"}
    known = {"keep_raw_days", "keep_quarantine_days"}
    if not set(days) <= known or not all(type(value) is int and value >= 1 for value in days.values()):
        raise ValueError(
            "retention: keep_raw_days and keep_quarantine_days are whole days from 1 on; leave one out for ever"
        )
    if spec and not re.match(r"20\d\d-\d\d", str(spec.get("reason"))):
        raise ValueError("retention: the reason does not begin with its date (2026-11: …)")


def _anonymity(spec: dict | None) -> Anonymity | None:
    return spec and Anonymity(spec["k"], tuple(spec["questions"]), str(spec["reason"]))


def _small_cells(rule: Anonymity) -> Expectation:
    from flows.core.reading.anonymity import small_cells_sql

    query = (("unexpected_rows_query", small_cells_sql(rule)),)
    return Expectation(SMALL_CELLS, "unexpected_rows_expectation", query, "warning", "warn", rule.reason)


def _column(name: str, spec: dict) -> Column:
    values = tuple((code, tuple(str(s) for s in spellings)) for code, spellings in spec.get("values", {}).items())
    return Column(
        name=name,
        type=spec["type"],
        description=spec["description"],
        spellings=tuple(str(s) for s in spec.get("spellings", ())),
        required=bool(spec.get("required", False)),
        staged=bool(spec.get("staged", True)),
        pad=spec.get("pad"),
        unit=spec.get("unit"),
        is_listed=bool(spec.get("listed", False)),
        values=values,
    )


def expectation_of(spec: dict) -> Expectation:
    """An expectation from its entry in a contract or in the .yml beside a model."""
    return Expectation(
        id=spec["id"],
        expectation=spec["expectation"],
        kwargs=tuple((key, tuple(v) if isinstance(v, list) else v) for key, v in spec["kwargs"].items()),
        severity=spec["severity"],
        on_failure=spec["on_failure"],
        reason=str(spec["reason"]),
    )


def _check(contract: Contract, path: Path) -> None:
    names = {column.name for column in contract.columns}
    problems = [f"column {c.name} has the unknown type {c.type}" for c in contract.columns if c.type not in TYPES]
    for group in (contract.recognise_all, contract.recognise_any, contract.recognise_none, contract.key):
        problems += [f"{name} is no column" for name in group if name not in names]
    problems += _history_problems(contract)
    rule = contract.anonymity
    if rule and not (type(rule.k) is int and rule.k >= 2 and rule.questions):
        problems.append("anonymity: k is no whole number from 2 on, or no questions are named")
    for expectation in contract.expectations:
        problems += [f"{expectation.id}: {p}" for p in expectation_problems(expectation)]
        column = expectation.arguments().get("column")
        if column is not None and column not in names:
            problems.append(f"{expectation.id}: {column} is no column")
    if problems:
        raise ModelError(f"contract {path}: " + "; ".join(problems), "correct the entries named")


def _history_problems(contract: Contract) -> list[str]:
    wanted = {
        "period": (contract.history_period, ("date", "timestamp", "year")),
        "measure": (contract.history_measure, ("integer", "number")),
        "by": (contract.history_by, ("label", "text")),
    }
    types = {c.name: c.type for c in contract.staged_columns}
    problems = [
        f"history: {role} {name} is no column of the type {' or '.join(kinds)}"
        for role, (name, kinds) in wanted.items()
        if name is not None and types.get(name) not in kinds
    ]
    by = contract.history_by
    if by is not None and (
        contract.history_period is None or (types.get(by) == "text" and not contract.column(by).is_listed)
    ):
        problems.append(f"history: by {by} needs a period, and a text must be listed")
    return problems


def expectation_problems(expectation: Expectation) -> list[str]:
    """What is wrong with an entry itself: an unknown severity or action, a reason without its date."""
    problems = []
    if expectation.severity not in SEVERITIES:
        problems.append(f"severity {expectation.severity!r} is none of {', '.join(SEVERITIES)}")
    if expectation.on_failure not in ON_FAILURE:
        problems.append(f"on_failure {expectation.on_failure!r} is none of {', '.join(ON_FAILURE)}")
    if not re.match(r"20\d\d-\d\d", expectation.reason):
        problems.append("the reason does not begin with its date (2026-11: …)")
    return problems
