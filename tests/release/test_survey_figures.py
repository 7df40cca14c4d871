"""The survey's figures in the sample's release against the raw exports, and against somebody who works out what is hidden.

Everything is counted here once more, from the exports and with a raking of a few lines; nothing of the barometer is used but what
it published.
"""

from __future__ import annotations

import csv
from collections import Counter
from itertools import product

import duckdb
import numpy as np
import pytest
from scipy.optimize import linprog

from flows.settings import PROJECT

WAVES = ("2025-03", "2025-12", "2026-09")
GROUPS = {"all": ("QPV", "HORS"), "qpv": ("QPV",), "hors_qpv": ("HORS",)}
DONT_KNOW = {"SECU_JOUR": "9", "SECU_NUIT": "9", "CONF_POLICE": "9"}
TOP_TWO = {
    "SECU_JOUR": "12", "SECU_NUIT": "12", "CONF_POLICE": "12", "HONTE_AIDE": "12", "CONSO": "O", "RAPPEL": "Y",
    "PATROUILLES": ("A1", "A2"),
}  # fmt: skip
FILTERED = {"CONSO_EVOL": ("CONSO", "O"), "CANAUX": ("RAPPEL", "Y")}
REACH = 4  # a count goes to one of the two multiples of five beside it
SMALL = 10


@pytest.fixture(scope="module")
def shown(sample_run):
    """The rows of both tables of answers, by wave, group, question, box and answer."""
    path = sample_run[1].release / "campaign.duckdb"
    rows = {}
    with duckdb.connect(str(path), read_only=True) as con:
        for table in ("perceptions_by_wave", "consumption_by_wave"):
            found = con.execute(f"select * from marts.{table}")
            names = [column[0] for column in found.description]
            for values in found.fetchall():
                row = dict(zip(names, values, strict=True))
                key = ("wave_code", "zone_group", "question_code", "subquestion_code", "answer_code")
                rows[tuple(row[name] for name in key)] = row
    return rows


@pytest.fixture(scope="module")
def responses():
    """By wave the finished responses as the export has them, with their weight."""
    found = {}
    for wave in WAVES:
        with (PROJECT / f"data/raw/surveys/enquete-habitants-{wave}.csv").open(
            encoding="utf-8-sig", newline=""
        ) as file:
            rows = [row for row in csv.DictReader(file) if row["submitdate"]]
        for row, weight in zip(rows, _raked(rows), strict=True):
            row["weight"] = weight
        found[wave] = rows
    return found


def _raked(rows) -> np.ndarray:
    """Age × sex, then group of zones, again and again, to the margins of the census that the sample delivers."""
    with (PROJECT / "data/raw/reference/marges-recensement.csv").open(encoding="utf-8-sig", newline="") as file:
        census = list(csv.DictReader(file, delimiter=";"))
    bands = dict(zip(("18-29", "30-44", "45-59", "60-74", "75+"), ("A1", "A2", "A3", "A4", "A5"), strict=True))
    zones = {"qpv": "QPV", "hors_qpv": "HORS"}
    cells, groups = Counter(), Counter()
    for row in census:
        people = float(row["population"])
        cells[bands[row["tranche_age"]], row["sexe"][0]] += people
        groups[zones[row["groupe_zone"]]] += people
    sexes = {"F": "F", "H": "M"}
    cells = {(age, sexes[sex]): people for (age, sex), people in cells.items()}
    weights = np.ones(len(rows))
    for _ in range(200):
        for target, labels in ((cells, [(r["AGE"], r["SEXE"]) for r in rows]), (groups, [r["ZONE"] for r in rows])):
            total = sum(target.values())
            for label, people in target.items():
                here = np.array([found == label for found in labels])
                weights[here] *= people / total * len(rows) / weights[here].sum()
    return weights


def _those(responses, key):
    """Who gave an answer, and over whom its share is taken."""
    wave, group, question, box, code = key
    rows = [row for row in responses[wave] if row["ZONE"] in GROUPS[group]]
    if question in FILTERED:
        asked, answer = FILTERED[question]
        rows = [row for row in rows if row[asked] == answer]
    column = question if box == "-" else f"{question}[{box}]"
    gave = [row for row in rows if row[column] == code]
    if box != "-":
        return gave, rows
    return gave, [row for row in rows if row[question] and row[question] != DONT_KNOW.get(question)]


def test_every_count_is_the_exports_own_to_the_next_multiples_of_five(shown, responses) -> None:
    seen = Counter()
    for key, row in shown.items():
        gave, whole = _those(responses, key)
        exact, told = len(gave), row["answer_count"]
        if told is None:
            assert row["obs_status"] in ("S", "C"), key
            seen["small" if 0 < exact <= SMALL or len(whole) <= SMALL else "partner"] += 1
            continue
        assert not 0 < exact <= SMALL, key
        assert told % 5 == 0 and abs(told - exact) <= REACH and (exact > 0 or told == 0), key
        assert abs(row["n_in_denominator"] - len(whole)) <= REACH, key
        seen["shown"] += 1
    assert seen["shown"] > 5 * (seen["small"] + seen["partner"]) and seen["small"] > 20
    assert seen["partner"] < seen["small"]


def test_weighted_shares_are_those_of_a_raking_of_our_own(shown, responses) -> None:
    checked = 0
    for key, row in shown.items():
        gave, whole = _those(responses, key)
        for of, name, lower, upper in (
            (gave, "answer_share", "lower_95", "upper_95"),
            (_top(key, whole), "top_two_share", "top_two_lower_95", "top_two_upper_95"),
        ):
            if row[name] is None:
                continue
            exact = sum(r["weight"] for r in of) / sum(r["weight"] for r in whole)
            # four of the count, as many of the whole, and half a respondent of what weighting adds
            assert abs(row[name] - exact) <= (2 * REACH + 0.6) / row["n_in_denominator"], (key, name)
            assert row[lower] <= exact <= row[upper], (key, name)
            checked += 1
    assert checked > 300


def _top(key, whole):
    return [row for row in whole if key[2] in TOP_TWO and row[key[2]] in TOP_TWO[key[2]]]


def test_effective_sizes_are_those_of_a_raking_of_our_own(shown, responses) -> None:
    for key, row in shown.items():
        weights = np.array([r["weight"] for r in _those(responses, key)[1]])
        if row["design_effect"] is not None:
            exact = len(weights) * (weights**2).sum() / weights.sum() ** 2
            assert abs(row["design_effect"] - exact) <= 0.0051, key
            assert abs(row["n_eff"] - row["n_in_denominator"] / row["design_effect"]) < 1e-3, key


# -- who works out what is hidden -------------------------------------------------------------------------------------


class Attacker:
    """Everybody who reads one wave: unknown counts of each answer in each group, and what the printed ones say of them.

    `unknown` lives somewhere that nobody told; whoever is not in an answer of a question skipped it.
    """

    PLACES = ("qpv", "hors_qpv", "unknown")

    def __init__(self, wave, shown, responses) -> None:
        self.rows = {key[1:]: row for key, row in shown.items() if key[0] == wave}
        self.exact = {key[1:]: len(_those(responses, key)[0]) for key in shown if key[0] == wave}
        self.answers = sorted({key[1:] for key in self.rows})
        self.names = list(product(self.PLACES, [*self.answers, ("-", "-", "-")]))  # the last: who finished
        self.place = {name: at for at, name in enumerate(self.names)}
        self.limits: list[tuple[np.ndarray, float, float]] = []

    def sum_of(self, group, answers) -> np.ndarray:
        row = np.zeros(len(self.names))
        for place in self.PLACES if group == "all" else (group,):
            for answer in answers:
                row[self.place[place, answer]] += 1
        return row

    def learn(self, total: np.ndarray, count) -> None:
        if count is not None:
            low = max(SMALL + 1, count - REACH) if count else 0
            self.limits.append((total, low, count + REACH if count else 0))

    def read(self, with_partners: bool) -> None:
        for (group, question, box, code), row in self.rows.items():
            answer = self.sum_of(group, [(question, box, code)])
            if row["answer_count"] is not None:
                self.learn(answer, row["answer_count"])
            elif row["obs_status"] == "S" and 0 <= self.exact[group, question, box, code] <= SMALL:
                self.limits.append((answer, 0, SMALL))
            elif not with_partners and self.exact[group, question, box, code] > SMALL:
                self.learn(answer, 5 * round(self.exact[group, question, box, code] / 5))
            of_question = [a for a in self.answers if a[0] == question]
            finished = self.sum_of(group, [("-", "-", "-")])
            if question in FILTERED:
                asked, given = FILTERED[question]
                finished = self.sum_of(group, [(asked, "-", given)])
            self.learn(finished, row["n_asked"])
            if box != "-":
                self.learn(finished, row["n_in_denominator"])
                self.limits.append((finished - answer, 0, np.inf))
                continue
            counted = [a for a in of_question if a[2] != DONT_KNOW.get(question)]
            whole = self.sum_of(group, counted)
            self.learn(whole, row["n_in_denominator"])
            self.limits.append((finished - self.sum_of(group, of_question), 0, np.inf))
            if row["top_two_share_unweighted"] is not None:
                top = self.sum_of(group, [a for a in counted if a[2] in TOP_TWO[question]])
                self.learn(top, round(row["top_two_share_unweighted"] * row["n_in_denominator"]))

    def range_of(self, group, answer) -> tuple[float, float]:
        goal = self.sum_of(group, [answer])
        sums = np.array([total for total, _, _ in self.limits])
        high = np.array([min(limit, 10_000) for _, _, limit in self.limits])
        low = np.array([limit for _, limit, _ in self.limits])
        found = []
        for sign in (1, -1):
            best = linprog(
                sign * goal, A_ub=np.vstack([sums, -sums]), b_ub=np.concatenate([high, -low]), method="highs"
            )
            assert best.status == 0, best.message
            found.append(sign * best.fun)
        return found[0], found[1]

    def narrowed(self) -> list:
        """Hidden counts of one to ten of which less is open than the rule asks for."""
        found = []
        for (group, *answer), row in self.rows.items():
            exact = self.exact[(group, *answer)]
            if row["answer_count"] is None and 0 < exact <= SMALL:
                low, high = self.range_of(group, tuple(answer))
                if low > 1 + 1e-6 or high < SMALL - 1e-6:
                    found.append((group, *answer))
        return found


@pytest.mark.parametrize("wave", WAVES)
def test_nobody_works_out_a_hidden_count(wave, shown, responses) -> None:
    attacker = Attacker(wave, shown, responses)
    attacker.read(with_partners=True)
    assert attacker.narrowed() == []


def test_without_the_partners_somebody_does(shown, responses) -> None:
    found = []
    for wave in WAVES:
        attacker = Attacker(wave, shown, responses)
        attacker.read(with_partners=False)
        found += attacker.narrowed()
    assert found


def _told_by_the_others(rows, key, without_partners: bool) -> bool:
    """Whether what weighting adds to an answer follows from the others: all add up to 0, the best two to theirs."""
    same = sorted(k for k in rows if k[:4] == key[:4] and rows[k]["is_in_denominator"])
    hidden = [
        k for k in same
        if rows[k]["answer_weight_shift"] is None and not (without_partners and rows[k]["answer_count"] is not None)
    ]  # fmt: skip
    equations = [[1.0] * len(hidden)]
    if rows[key]["top_two_weight_shift"] is not None:
        equations.append([float(rows[k]["is_top_two"]) for k in hidden])
    wanted = [float(k == key) for k in hidden]
    alone = np.linalg.matrix_rank(equations)
    return np.linalg.matrix_rank([*equations, wanted]) == alone


def test_what_weighting_adds_to_a_hidden_answer_is_told_by_no_sum(shown) -> None:
    hidden = [k for k, row in shown.items() if k[3] == "-" and row["answer_count"] is None and row["is_in_denominator"]]
    assert [k for k in hidden if _told_by_the_others(shown, k, without_partners=False)] == []
    assert [k for k in hidden if _told_by_the_others(shown, k, without_partners=True)]


def test_a_shift_does_not_tell_how_many_gave_the_answer(shown, responses) -> None:
    """Whoever knows every weight finds, for each number that rounding leaves open, people who weigh as much more than it."""
    for key, row in shown.items():
        if row["answer_weight_shift"] is None or not row["answer_count"] or row["answer_share_unweighted"] == 1:
            continue
        whole = _those(responses, key)[1]
        scaled = np.sort([r["weight"] for r in whole]) * len(whole) / sum(r["weight"] for r in whole)
        low, high = max(SMALL + 1, row["answer_count"] - REACH), min(row["answer_count"] + REACH, len(whole) - 1)
        for number in range(low, high + 1):
            assert _weigh(scaled, number, row["answer_weight_shift"] + number), (key, number)


def _weigh(weights, number, wanted) -> bool:
    """Whether some `number` of the sorted weights add up to `wanted`, to half a respondent: neighbours, or nearly."""
    sums = np.convolve(weights, np.ones(number), mode="valid")
    at = int(np.abs(sums - wanted).argmin())
    if abs(sums[at] - wanted) <= 0.5:
        return True
    inside = np.arange(at, at + number)
    outside = np.setdiff1d(np.arange(len(weights)), inside)
    swapped = sums[at] + weights[outside][:, None] - weights[inside][None, :]
    return bool((np.abs(swapped - wanted) <= 0.5).any())


def test_waves_are_told_in_round_numbers(sample_run, responses) -> None:
    with duckdb.connect(str(sample_run[1].release / "campaign.duckdb"), read_only=True) as con:
        told = con.execute(
            "select wave_code, finished_count, without_zone_count, hidden_columns, largest_weight from marts.survey_waves"
        ).fetchall()
    assert [row[0] for row in told] == list(WAVES)
    for wave, finished, without_zone, hidden, largest in told:
        assert finished % 5 == 0 and abs(finished - len(responses[wave])) <= REACH
        assert without_zone is None and hidden == "without_zone_count"
        assert largest == np.ceil(max(row["weight"] for row in responses[wave]))
