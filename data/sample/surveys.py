"""Three waves of an invented survey of residents, as LimeSurvey exports them, and the questionnaire's structure file.

The export is laid out as LimeSurvey's own CsvWriter does: byte order mark, every value quoted, CRLF, a blank last line.
"""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sample.delivering import Delivery, csv_bytes, dice, pick

SURVEY_ID = 632025
THEMES = {"L": "listradio", "M": "multiplechoice", "Y": "yesno", "T": "longfreetext"}
LANGUAGE = "fr"


@dataclass(frozen=True)
class Question:
    """A question; `kind` is LimeSurvey's letter (L list, M multiple, Y yes or no, T text)."""

    code: str
    kind: str
    wording: str
    answers: dict = field(default_factory=dict)
    parts: dict = field(default_factory=dict)
    has_other: bool = False
    relevance: str = "1"
    first_wave: str = "2025-03"


SAFETY = {
    "1": "Tout à fait en sécurité",
    "2": "Plutôt en sécurité",
    "3": "Plutôt pas en sécurité",
    "4": "Pas du tout en sécurité",
    "9": "Ne sait pas",
}
TRUST = {"1": "Tout à fait confiance", "2": "Plutôt confiance", "3": "Plutôt pas confiance"}
TRUST |= {"4": "Pas du tout confiance", "9": "Ne sait pas"}
AGE = {"A1": "18-29 ans", "A2": "30-44 ans", "A3": "45-59 ans", "A4": "60-74 ans", "A5": "75 ans et plus"}
PATROLS = {"A1": "Tous les jours", "A2": "Toutes les semaines", "A3": "Tous les mois", "A4": "Moins souvent"}
PATROLS |= {"A5": "Jamais"}
CHANNELS = {
    "SQ001": "Affiches dans la rue",
    "SQ002": "Réseaux sociaux",
    "SQ003": "Commerces",
    "SQ004": "Presse et médias locaux",
}
CHANNELS |= {"SQ005": "Entourage, école, association"}
HELP = {"A1": "Médecin, pharmacien", "A2": "CSAPA, CAARUD, consultation jeunes", "A3": "Drogues Info Service"}
HELP |= {"A4": "Un proche", "A5": "Nulle part"}
CHANGE = {"1": "Moins qu'avant", "2": "Autant", "3": "Plus qu'avant"}
AGREEMENT = {"1": "Tout à fait d'accord", "2": "Plutôt d'accord", "3": "Ni d'accord ni pas d'accord"}
AGREEMENT |= {"4": "Plutôt pas d'accord", "5": "Pas du tout d'accord"}

QUESTIONS = [
    Question("SEXE", "L", "Vous êtes :", {"F": "Une femme", "M": "Un homme"}),
    Question("AGE", "L", "Quel âge avez-vous ?", AGE),
    Question("ZONE", "L", "Habitez-vous un quartier prioritaire ?", {"QPV": "Oui, un QPV", "HORS": "Non"}),
    Question("SECU_JOUR", "L", "Le jour, dans votre quartier, vous sentez-vous en sécurité ?", SAFETY),
    Question("SECU_NUIT", "L", "La nuit, dans votre quartier, vous sentez-vous en sécurité ?", SAFETY),
    Question("CONF_POLICE", "L", "Faites-vous confiance à la police de votre ville ?", TRUST),
    Question("PATROUILLES", "L", "Voyez-vous des patrouilles à pied ou en voiture ?", PATROLS),
    Question("RAPPEL", "Y", "Avez-vous vu ou entendu la campagne « La drogue tue » ?", first_wave="2025-12"),
    Question(
        "CANAUX",
        "M",
        "Par quels canaux ?",
        parts=CHANNELS,
        relevance='((RAPPEL.NAOK == "Y"))',
        first_wave="2025-12",
    ),
    Question("CONSO", "L", "Avez-vous consommé une drogue ces douze derniers mois ?", {"N": "Non", "O": "Oui"}),
    Question(
        "CONSO_EVOL",
        "L",
        "Par rapport à l'année d'avant, vous consommez :",
        CHANGE,
        relevance='((CONSO.NAOK == "O"))',
    ),
    Question("HONTE_AIDE", "L", "« Demander de l'aide, c'est honteux. » Êtes-vous d'accord ?", AGREEMENT),
    Question("AIDE_OU", "L", "Où chercheriez-vous de l'aide d'abord ?", HELP, has_other=True),
    Question("COMMENT", "T", "Un commentaire ?"),
]


@dataclass(frozen=True)
class Wave:
    """One wave: when it was in the field, how many finished, how far opinions have moved since the first."""

    code: str
    first_day: date
    days: int
    finished: int
    night_shift: float
    trust_shift: float
    recall: float
    received_at: str


WAVES = [
    Wave("2025-03", date(2025, 3, 10), 19, 548, 0.0, 0.0, 0.0, "2025-04-04T12:00:00Z"),
    Wave("2025-12", date(2025, 12, 1), 20, 571, -0.02, 0.01, 0.37, "2026-01-08T12:00:00Z"),
    Wave("2026-09", date(2026, 9, 7), 21, 562, 0.02, 0.02, 0.51, "2026-10-07T12:00:00Z"),
]
UNFINISHED = 11

COMMENTS = [
    "Rien à ajouter.",
    "Il faudrait plus de bancs, et de l'éclairage.",
    'On parle de "la" drogue ; il y en a plusieurs.',
    "Questionnaire court, merci.",
    "Les affiches sont bien visibles\nprès du tramway.",
    "Je ne savais pas que l'aide était gratuite.",
]


# --- answers -----------------------------------------------------------------------------------------------------


def likert(rng: random.Random, good: float, unknown: float = 0.04) -> str:
    """1 to 4, of which 1 and 2 make up the share `good`; 9 does not know."""
    if rng.random() < unknown:
        return "9"
    if rng.random() < good:
        return "1" if rng.random() < 0.35 else "2"
    return "3" if rng.random() < 0.65 else "4"


def respondent(rng: random.Random, wave: Wave) -> dict:
    """The answers of one person, by column of the export."""
    in_qpv = rng.random() < 0.27  # QPV are over-sampled, women and the old answer more: weighting has something to do
    sex = pick(rng, {"F": 56, "M": 44})
    age = pick(rng, {"A1": 20, "A2": 24, "A3": 25, "A4": 22, "A5": 9})
    base = 0.70 - 0.17 * in_qpv - 0.06 * (sex == "F")
    answers = {
        "SEXE": sex,
        "AGE": age,
        "ZONE": "QPV" if in_qpv else "HORS",
        "SECU_JOUR": likert(rng, base + 0.17 + wave.night_shift / 2, 0.01),
        "SECU_NUIT": likert(rng, base - 0.12 + wave.night_shift),
        "CONF_POLICE": likert(rng, base - 0.02 + wave.trust_shift, 0.06),
        "PATROUILLES": pick(rng, {"A1": 9, "A2": 23, "A3": 27, "A4": 24, "A5": 17}),
    }
    answers |= recall(rng, wave, age) if wave.recall else {}
    answers |= consumption(rng, age, sex)
    answers["HONTE_AIDE"] = pick(rng, {"1": 7, "2": 13, "3": 20, "4": 26, "5": 34})
    answers["AIDE_OU"] = pick(rng, {"A1": 41, "A2": 13, "A3": 14, "A4": 19, "A5": 9, "-oth-": 4})
    answers["AIDE_OU[other]"] = "Le planning familial" if answers["AIDE_OU"] == "-oth-" else ""
    answers["COMMENT"] = rng.choice(COMMENTS) if rng.random() < 0.08 else ""
    return answers


def recall(rng: random.Random, wave: Wave, age: str) -> dict:
    """Whether the message is recalled and, if so, by which channels."""
    saw = rng.random() < wave.recall + {"A1": 0.12, "A2": 0.04, "A5": -0.1}.get(age, 0)
    online = 0.45 if age in ("A1", "A2") else 0.18
    shares = {"SQ001": 0.62, "SQ002": online, "SQ003": 0.16, "SQ004": 0.28, "SQ005": 0.09}
    channels = {f"CANAUX[{code}]": "Y" if saw and rng.random() < share else "" for code, share in shares.items()}
    return {"RAPPEL": "Y" if saw else "N"} | channels


def consumption(rng: random.Random, age: str, sex: str) -> dict:
    """Past-year use as people tell it to a city hall, and its change; some refuse to answer."""
    if rng.random() < 0.03:
        return {"CONSO": "", "CONSO_EVOL": ""}
    share = {"A1": 0.24, "A2": 0.15, "A3": 0.08, "A4": 0.03, "A5": 0.01}[age] * (1.25 if sex == "M" else 0.8)
    used = rng.random() < share
    return {"CONSO": "O" if used else "N", "CONSO_EVOL": pick(rng, {"1": 27, "2": 55, "3": 18}) if used else ""}


def columns(wave: Wave) -> list[str]:
    """Columns of the export after LimeSurvey's own five."""
    names = []
    for question in QUESTIONS:
        if question.first_wave > wave.code:
            continue
        names += [f"{question.code}[{part}]" for part in question.parts] or [question.code]
        names += [f"{question.code}[other]"] if question.has_other else []
    return names


def sent_at(rng: random.Random, wave: Wave) -> datetime:
    """A moment of the wave between eight in the morning and ten at night."""
    midnight = datetime.combine(wave.first_day + timedelta(days=rng.randrange(wave.days)), datetime.min.time())
    return midnight + timedelta(seconds=rng.randint(28800, 79200))


def export(wave: Wave) -> bytes:
    """The wave's export: finished responses, and a few that people left on the way (no date, answers cut off)."""
    rng = dice(f"enquete-{wave.code}")
    names = columns(wave)
    sent = sorted(sent_at(rng, wave) for _ in range(wave.finished + UNFINISHED))
    left_early = set(rng.sample(range(wave.finished + UNFINISHED), UNFINISHED))
    rows, number = [], 0
    for place in range(wave.finished + UNFINISHED):
        number += rng.choices([1, 2, 3], [90, 8, 2])[0]  # deleted test responses leave gaps
        answers = respondent(rng, wave)
        values = [answers[name] for name in names]
        if place in left_early:
            reached = rng.randint(3, 7)
            values = values[:reached] + [""] * (len(names) - reached)
        head = [number, "" if place in left_early else sent[place], 1 if place in left_early else 4, LANGUAGE]
        rows.append([*head, rng.randint(10**8, 2 * 10**9), *values])
    header = ["id", "submitdate", "lastpage", "startlanguage", "seed", *names]
    return csv_bytes(header, rows, separator=",", encoding="utf-8-sig", newline="\r\n", quote_all=True) + b"\r\n"


# --- structure file ----------------------------------------------------------------------------------------------


def section(name: str, fields: list[str], rows: list[list]) -> str:
    """One table of an .lss file: its fields, then its rows, values in CDATA."""
    lines = [f" <{name}>", "  <fields>", *(f"   <fieldname>{tag}</fieldname>" for tag in fields), "  </fields>"]
    lines.append("  <rows>")
    for row in rows:
        lines += ["   <row>", *(element(tag, value) for tag, value in zip(fields, row, strict=True)), "   </row>"]
    return "\n".join([*lines, "  </rows>", f" </{name}>"])


def element(tag: str, value) -> str:
    return f"    <{tag}/>" if value == "" else f"    <{tag}><![CDATA[{value}]]></{tag}>"


def structure() -> bytes:
    """The questionnaire of the last wave, which holds the questions of the earlier ones unchanged."""
    question_ids = {question.code: number for number, question in enumerate(QUESTIONS, 1)}
    answers = [
        (question_ids[question.code], code, place, wording)
        for question in QUESTIONS
        for place, (code, wording) in enumerate(question.answers.items(), 1)
    ]
    parts = [
        (100 + place, question_ids[question.code], code, place, wording)
        for question in QUESTIONS
        for place, (code, wording) in enumerate(question.parts.items(), 1)
    ]
    wordings = [(question_ids[question.code], question.wording) for question in QUESTIONS]
    wordings += [(number, wording) for number, _, _, _, wording in parts]
    question_fields = ["qid", "parent_qid", "sid", "gid", "type", "title", "preg", "other", "mandatory", "encrypted"]
    question_fields += ["question_order", "scale_id", "same_default", "relevance", "question_theme_name", "same_script"]
    body = [
        section(
            "answers",
            ["aid", "qid", "code", "sortorder", "assessment_value", "scale_id"],
            [[number, question, code, place, 0, 0] for number, (question, code, place, _) in enumerate(answers, 1)],
        ),
        section(
            "answer_l10ns",
            ["id", "aid", "answer", "language"],
            [[number, number, wording, LANGUAGE] for number, (_, _, _, wording) in enumerate(answers, 1)],
        ),
        section(
            "groups",
            ["gid", "sid", "group_order", "randomization_group", "grelevance"],
            [[1, SURVEY_ID, 1, "", 1]],
        ),
        section(
            "group_l10ns",
            ["id", "gid", "group_name", "description", "language"],
            [[1, 1, "Votre quartier et la campagne", "", LANGUAGE]],
        ),
        section("questions", question_fields, [question_row(question, question_ids) for question in QUESTIONS]),
        section(
            "subquestions",
            question_fields,
            [
                [number, parent, SURVEY_ID, 1, "T", code, "", "N", "N", "N", place, 0, 0, 1, "longfreetext", 0]
                for number, parent, code, place, _ in parts
            ],
        ),
        section(
            "question_l10ns",
            ["id", "qid", "question", "help", "script", "language"],
            [[number, number, wording, "", "", LANGUAGE] for number, wording in wordings],
        ),
        section(
            "surveys",
            ["sid", "gsid", "admin", "anonymized", "format", "language", "datestamp", "ipaddr", "refurl"],
            [[SURVEY_ID, 1, "inherit", "Y", "G", LANGUAGE, "Y", "N", "N"]],
        ),
        section(
            "surveys_languagesettings",
            ["surveyls_survey_id", "surveyls_language", "surveyls_title", "surveyls_description"],
            [[SURVEY_ID, LANGUAGE, "Enquête auprès des habitants (données synthétiques)", ""]],
        ),
    ]
    head = ['<?xml version="1.0" encoding="UTF-8"?>', "<document>", " <LimeSurveyDocType>Survey</LimeSurveyDocType>"]
    head += [" <DBVersion>606</DBVersion>", " <languages>", f"  <language>{LANGUAGE}</language>", " </languages>"]
    return "\n".join([*head, *body, "</document>", ""]).encode("utf-8")


def question_row(question: Question, question_ids: dict) -> list:
    theme = THEMES[question.kind]
    number, other = question_ids[question.code], "Y" if question.has_other else "N"
    row = [number, 0, SURVEY_ID, 1, question.kind, question.code, "", other, "N", "N"]
    return [*row, number, 0, 0, question.relevance, theme, 0]


def deliveries() -> list[Delivery]:
    """The three exports and the structure file."""
    common = {
        "source": "surveys",
        "sender": "Ville de Clermont-Ferrand, mission évaluation",
        "note": "Données synthétiques : personne n'a répondu à cette enquête.",
    }
    exports = [
        Delivery(
            file_name=f"enquete-habitants-{wave.code}.csv",
            content=export(wave),
            contract="survey_answers",
            received_at=wave.received_at,
            citation=f"Ville de Clermont-Ferrand, réponses à l'enquête, vague {wave.code}",
            wave_code=wave.code,
            **common,
        )
        for wave in WAVES
    ]
    questionnaire = Delivery(
        file_name="enquete-habitants.lss",
        content=structure(),
        contract="survey_structure",
        received_at="2025-03-07T12:00:00Z",
        citation="Ville de Clermont-Ferrand, structure de l'enquête",
        licence="Usage interne",
        **common,
    )
    return [*exports, questionnaire]
