"""Letters in French to the senders of what was refused or set aside: which file, what was expected and found, how to mend it.

A letter cites counts, line numbers and names of columns that a contract knows, never a value of a row. Its words are data
(`sql/letter_texts`, `sql/expectation_texts`), its figures those of the verdict. The folder is restricted like the quarantine.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from flows.core import ledger
from flows.core.contracts import Contract, load_yaml
from flows.core.errors import printable
from flows.core.expectation_texts import DERIVED, Text, load_texts
from flows.core.landing import CITY_TIME
from flows.core.ledger import Judged
from flows.core.reading.tables import one_file

FOLDER = "letters"
INDEX, INDEX_FOR_PEOPLE = "index.json", "index.txt"
TEAM = "l'équipe du baromètre de la campagne, Ville de Clermont-Ferrand"
SENT_AGAIN = "Envoyé sous le même nom, le fichier corrigé prend la place de celui-ci."
WIDTH = 96
MOST_LINES = 10
"""Line numbers told of one finding; the count says how many there are."""

MONTHS = (  # not from the machine's locale, which may know no French
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"
)  # fmt: skip
KINDS = {
    "integer": "un nombre entier (2400 ou 2 400, les milliers séparés par une espace seulement)",
    "number": "un nombre",
    "percent": "un pourcentage",
    "year": "une année",
    "date": "une date",
    "timestamp": "une date et une heure",
    "boolean": "oui ou non",
}
UNREADABLE, LINE = "unreadable:", "line: "


@dataclass(frozen=True)
class Words:
    """The French sentences: of refusals by code, of unreadable lines by reason, of expectations by id."""

    refusals: Mapping[str, Mapping[str, str]]
    lines: Mapping[str, Mapping[str, str]]
    expectations: Mapping[str, Text]


@dataclass(frozen=True)
class Letter:
    """One letter: about which delivery, in one line, and its text."""

    delivery_id: str
    file_name: str
    subject: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.delivery_id}.txt"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_words(sql: Path) -> Words:
    refusals, lines = (
        _load((sql / "letter_texts" / f"{name}.yml").read_text("utf-8")) for name in ("refusals", "lines")
    )
    return Words(refusals, lines, load_texts(sql / "expectation_texts"))


@lru_cache(maxsize=4)
def _load(text: str) -> dict:
    return load_yaml(text)


# -- which deliveries -------------------------------------------------------------------------------------------------


def to_write(rows: Iterable[Judged]) -> list[Judged]:
    """Refused deliveries and those with rows set aside that somebody has still to mend.

    Not those whose file was taken away or replaced, nor those after which a good one came under the same name.
    """
    rows = list(rows)
    admitted: dict[tuple, int] = {}
    for row in rows:
        if row.verdict.is_admitted:
            admitted[_sent_as(row)] = max(row.rank, admitted.get(_sent_as(row), 0))
    return [
        row
        for row in rows
        if (row.verdict.verdict == "refused" or row.verdict.rows_quarantined)
        and row.delivery.path is not None
        and row.superseded_by is None
        and admitted.get(_sent_as(row), 0) <= row.rank
    ]


def _sent_as(row: Judged) -> tuple:
    return row.delivery.folder, row.delivery.receipt.file_name, row.delivery.receipt.sender


# -- one letter -------------------------------------------------------------------------------------------------------


def letter(
    row: Judged,
    contracts: Mapping[str, Contract],
    words: Words,
    lines: Mapping[str, list[int]],
    in_force: Judged | None = None,
) -> Letter:
    """The letter about one delivery. `lines` are line numbers by reason, `in_force` an earlier delivery that still holds."""
    contract = contracts.get(row.verdict.contract or "")
    is_refused = row.verdict.verdict == "refused"
    body = _refused(row, contracts, words, in_force) if is_refused else _set_aside(row, contract, words, lines)
    name, received = row.delivery.shown_name, _day(row.delivery.receipt.received_at)
    ended = "le fichier n'a pas pu être pris en compte" if is_refused else _rows(row.verdict.rows_quarantined, "mise")
    subject = _fr("Votre fichier « {name} », reçu le {day} : {ended}", name=name, day=received, ended=ended)
    sender = row.delivery.receipt.sender
    parts = [
        _fr("Baromètre de la campagne « La drogue tue », Clermont-Ferrand"),
        *([_fr("À l'attention de : {sender}", sender=printable(sender))] if sender else []),
        _fr("Objet : {subject}", subject=subject[0].lower() + subject[1:]),
        _fr("Référence : {id}", id=row.delivery.delivery_id),
        "Madame, Monsieur,",
        *body,
        _fr(
            "Merci d'adresser le fichier corrigé, ou toute question, à : {owner}, en rappelant la référence ci-dessus.{again}",
            owner=contract.owner if contract else TEAM,
            # editions of a published base live side by side
            again="" if contract and contract.has_edition else f" {SENT_AGAIN}",
        ),
        _fr("Cette lettre ne cite aucun contenu de vos lignes : elle n'en donne que les numéros et le nombre."),
        "Nous vous prions d'agréer, Madame, Monsieur, nos salutations distinguées.",
        TEAM[0].upper() + TEAM[1:],
    ]
    return Letter(row.delivery.delivery_id, name, subject, "\n\n".join(_wrapped(part) for part in parts) + "\n")


def _refused(row: Judged, contracts: Mapping[str, Contract], words: Words, in_force: Judged | None) -> list[str]:
    refusal, contract = row.verdict.refusal, contracts.get(row.verdict.contract or "")
    facts = _told(refusal.get("facts") or {}, contracts, contract, words)
    entry = words.refusals.get(refusal["code"])
    if entry is None:  # an expectation on the delivery as a whole
        entry, (title, remedy) = words.refusals["expectation"], _expectation(refusal["code"], contract, words)
        facts |= {"title": _inner(title), "remedy": remedy}
    found = f"{entry['found']}, à la ligne {refusal['line']}" if refusal["line"] is not None else entry["found"]
    told = [
        _fr("Attendu : {told}.", told=_filled(entry["expected"], facts)),
        _fr("Trouvé : {told}.", told=_filled(found, facts)) + _detail(entry, facts),
        _fr("Pour corriger : {told}", told=_filled(entry["remedy"], facts)),
    ]
    held = "Aucune ligne de ce fichier n'a été prise en compte. Les autres envois n'en souffrent pas."
    if in_force is not None:
        day = _day(in_force.delivery.receipt.received_at)
        held += f" Votre envoi précédent du même nom, reçu le {day}, reste en vigueur."
    return [
        _fr(
            "Nous vous remercions de votre envoi. Nous regrettons de n'avoir pas pu le prendre en compte ; voici pourquoi."
        ),
        "\n".join(told),
        held,
    ]


def _detail(entry: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """One more sentence, where all that it tells is known."""
    try:
        return " " + _filled(entry["detail"], facts)
    except KeyError:
        return ""


def _told(facts: Mapping[str, object], contracts, contract: Contract | None, words: Words) -> dict[str, str]:
    """The facts of a refusal in French."""
    told = {name: _number(value) if isinstance(value, int) else str(value) for name, value in facts.items()}
    if "contract" in facts:
        told["contract"] = contracts[facts["contract"]].title_fr
    for name in ("failed", "bad", "most"):
        if name in facts:
            told[name] = _rows(facts[name])
    if "reason" in facts:
        found, told["remedy"] = _reason(str(facts["reason"]), contract, words)
        told["reason"] = _lowered(found)
    return told


def _set_aside(row: Judged, contract: Contract, words: Words, lines: Mapping[str, list[int]]) -> list[str]:
    verdict = row.verdict
    plural = "s" if verdict.rows_quarantined > 1 else ""
    opening = _fr(
        "Nous vous remercions de votre envoi. Le fichier ({title}) contient {read} : {accepted}. {aside} de côté, sans être "
        "corrigée{plural} ni devinée{plural} ; voici pourquoi.",
        title=contract.title_fr,
        read=_rows(verdict.rows_read),
        accepted=_taken(verdict.rows_accepted),
        aside=_rows(verdict.rows_quarantined, "a été mise", "ont été mises"),
        plural=plural,
    )
    findings = []
    for number, entry in enumerate(verdict.quarantine, 1):
        found, remedy = _reason(entry["reason"], contract, words)
        where = _where(entry, lines.get(entry["reason"], []))
        findings.append(f"{number}. {found}{_fr(' : ')}{where}.\n   {_fr('Pour corriger : ')}{remedy}")
    taken = "Les autres lignes du fichier ont été prises en compte."
    return [opening, "\n".join(findings), taken]


def _where(entry: Mapping[str, object], lines: list[int]) -> str:
    """`3 lignes (64, 72 et 80)`: how many, and where."""
    lines = lines or ([entry["first_line"]] if entry["first_line"] is not None else [])
    count = _rows(entry["rows"])
    if not lines:
        return count
    shown, rest = lines[:MOST_LINES], entry["rows"] - min(len(lines), MOST_LINES)
    if rest > 0:
        return (
            f"{count} (dont les lignes {', '.join(map(str, shown))})"
            if len(shown) > 1
            else f"{count} (dont la ligne {shown[0]})"
        )
    if len(shown) == 1:
        return f"{count} (la ligne {shown[0]})"
    return f"{count} (les lignes {', '.join(map(str, shown[:-1]))} et {shown[-1]})"


def _reason(reason: str, contract: Contract | None, words: Words) -> tuple[str, str]:
    """What a reason of quarantine says was found, and how to mend it."""
    what = reason.removeprefix(UNREADABLE)
    if what == reason:
        title, remedy = _expectation(reason, contract, words)
        return _fr("La règle « {title} » n'est pas respectée", title=_inner(title)), remedy
    if what.startswith(LINE):
        entry = words.lines.get(what.removeprefix(LINE), words.lines["unreadable"])
        return _fr(entry["found"]), _fr(entry["remedy"])
    column = contract.column(what)
    kind = KINDS.get(column.type, "une valeur")
    found = _fr("La colonne « {header} » ne se lit pas comme {kind}", header=_header(column), kind=kind)
    return found, _fr("Corrigez cette colonne dans ces lignes, ou laissez-la vide si l'information manque.")


def _expectation(id: str, contract: Contract | None, words: Words) -> tuple[str, str]:
    """Title and remedy of an expectation: its own, or those of what follows from the contract's columns and key."""
    text = words.expectations.get(id)
    if text is None and f"{DERIVED}.{id}" in words.expectations:
        text = words.expectations[f"{DERIVED}.{id}"].filled(key=", ".join(contract.key))
    column = next((c for c in contract.columns if id == f"{c.name}_present"), None)
    if text is None and column is not None:
        text = words.expectations[f"{DERIVED}.column_present"].filled(
            column=column.name, header=_header(column), description=column.description
        )
    if text is None:  # a test keeps all texts complete; a letter without one still names the rule
        return id, "Corrigez ces lignes, ou dites-nous que cette règle ne convient plus."
    return text.title_fr, text.remedy_fr


def _header(column) -> str:
    """The column as a sender spells it."""
    return next((s for s in column.spellings if "[" not in s), column.name)


# -- words ------------------------------------------------------------------------------------------------------------


def _fr(text: str, **filled: object) -> str:
    """A sentence with the spaces that French puts before ; : ! ? and within « », the names filled in as they are."""
    for mark, space in (
        (" ;", "\u202f;"),
        (" :", "\u00a0:"),
        (" !", "\u202f!"),
        (" ?", "\u202f?"),
        ("« ", "«\u202f"),
        (" »", "\u202f»"),
    ):
        text = text.replace(mark, space)
    return text.format(**filled) if filled else text


def _inner(text: str) -> str:
    """A text that is quoted itself: its own « » become “ ”."""
    return re.sub(r"«\s*(.*?)\s*»", r"“\1”", text)


def _filled(text: str, facts: Mapping[str, str]) -> str:
    return _fr(text).format(**facts)


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _rows(count: int, one: str = "", many: str = "") -> str:
    noun = "ligne" if count == 1 else "lignes"
    if one == "mise":
        one, many = "mise de côté", "mises de côté"
    verb = one if count == 1 else many
    return f"{_number(count)} {noun} {verb}".rstrip() if count else f"aucune ligne {one}".rstrip()


def _taken(count: int) -> str:
    return (
        "aucune n'a été prise en compte" if not count else f"{_rows(count, 'a été prise', 'ont été prises')} en compte"
    )


def _day(moment: str) -> str:
    local: date = datetime.fromisoformat(moment).astimezone(CITY_TIME).date()
    return f"{'1er' if local.day == 1 else local.day} {MONTHS[local.month - 1]} {local.year}"


def _wrapped(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        hanging = "   " if line[:1].isdigit() else indent
        lines += textwrap.wrap(line, WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


# -- the folder -------------------------------------------------------------------------------------------------------


def write(
    folder: Path,
    rows: list[Judged],
    contracts: Mapping[str, Contract],
    sql: Path,
    quarantine: Path,
    previous: Path | None,
) -> int:
    """Write the letters and their index into the folder of a release, which nobody else may open; how many are new.

    `previous` is the release before: a letter that stood there with the same text is told as known.
    """
    wanted = to_write(rows)
    words = load_words(sql) if wanted else None
    numbers = line_numbers([row.delivery.delivery_id for row in wanted], quarantine)
    in_force = {_sent_as(row): row for row in rows if row.is_in_force}
    letters = [
        letter(row, contracts, words, numbers.get(row.delivery.delivery_id, {}), in_force.get(_sent_as(row)))
        for row in wanted
    ]
    folder.mkdir(mode=0o700)
    folder.chmod(0o700)
    for each in letters:
        _write(folder / each.name, each.text)
    index = _index(letters, previous)
    _write(folder / INDEX, json.dumps(index, ensure_ascii=False, indent=1) + "\n")
    _write(folder / INDEX_FOR_PEOPLE, _index_text(index))
    return sum(entry["since"] is None for entry in index["letters"])


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def line_numbers(deliveries: list[str], quarantine: Path) -> dict[str, dict[str, list[int]]]:
    """The first line numbers of each reason, by delivery, from the restricted folder; the texts there are not read."""
    import duckdb

    found: dict[str, dict[str, list[int]]] = {}
    paths = [path for name in deliveries if (path := quarantine / f"{name}.parquet").is_file()]
    if not paths:
        return found
    listed = ", ".join(one_file(path) for path in paths)
    sql = f"""select delivery_id, reason, list(line order by line)[1:{MOST_LINES}]
        from read_parquet([{listed}]) where line is not null group by delivery_id, reason"""
    with duckdb.connect() as con:
        for delivery, reason, lines in con.execute(sql).fetchall():
            found.setdefault(delivery, {})[reason] = lines
    return found


def _index(letters: list[Letter], previous: Path | None) -> dict:
    """What each letter is about. `since` is the release in which it first stood; null while it is new."""
    before = ledger.read_json(previous / FOLDER / INDEX) if previous else None
    stood = {entry["delivery_id"]: entry for entry in (before or {}).get("letters", [])}
    entries = []
    for each in letters:
        known = stood.get(each.delivery_id)
        is_known = known is not None and known["sha256"] == each.sha256
        entries.append(
            {
                "delivery_id": each.delivery_id,
                "file": each.name,
                "about": each.file_name,
                "subject": each.subject,
                "sha256": each.sha256,
                "since": (known["since"] or previous.name) if is_known else None,
            }
        )
    return {"letters": entries}


def _index_text(index: dict) -> str:
    new = [entry for entry in index["letters"] if entry["since"] is None]
    known = [entry for entry in index["letters"] if entry["since"] is not None]
    lines = [_fr("Lettres aux expéditeurs : accès restreint."), ""]
    lines.append(f"À envoyer ({len(new)})" + ("" if new else _fr(" : aucune")))
    lines += [f"- {entry['file']}  {entry['subject']}" for entry in new]
    lines += ["", f"Déjà établies, sans changement ({len(known)})" + ("" if known else _fr(" : aucune"))]
    lines += [f"- {entry['file']}  {entry['subject']} (version {entry['since']})" for entry in known]
    return "\n".join(lines) + "\n"
