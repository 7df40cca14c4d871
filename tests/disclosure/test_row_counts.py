"""What is shown of a delivery's rows leaves every count of its class possible: tried with all small deliveries."""

from __future__ import annotations

from collections import defaultdict

import pytest

from flows.core import row_counts
from flows.core.row_counts import OPEN, PERSONS, POLICE, Counted

MOST = 150


ANSWERS = Counted(PERSONS, 3)
COUNTED = [Counted(POLICE), Counted(PERSONS), ANSWERS]
"""Rows that are one record, one person, or one of three answers of a person."""


def deliveries(most: int = MOST):
    """Rows accepted and set aside of every delivery that can be: at most half are set aside, or all (a refused one)."""
    yield from ((accepted, aside) for accepted in range(most + 1) for aside in range(accepted + 1))
    yield from ((0, aside) for aside in range(1, most + 1))


def class_of(count: int, counted: Counted) -> set[int]:
    """The counts that are shown alike, far enough up for every count that is tried."""
    shown = counted.shown(count)
    return {n for n in range(MOST + 1) if counted.shown(n) == shown}


@pytest.mark.parametrize(("family", "limit"), [(POLICE, 5), (PERSONS, 10)])
def test_small_counts_are_hidden_zero_is_not_and_the_others_are_rounded(family, limit) -> None:
    counted = Counted(family)
    assert counted.limit == limit
    assert [counted.shown(n) for n in range(limit + 2)] == [0, *[None] * limit, 5 * ((limit + 3) // 5)]
    assert [counted.shown(n) for n in (12, 13, 17, 18, 402)] == [10, 15, 15, 20, 400]
    assert [Counted(OPEN).shown(n) for n in (0, 1, 7)] == [0, 1, 7]
    assert [Counted(family, 20).shown(n) for n in (20 * limit, 20 * limit + 1, 6710)] == [None, 20 * limit, 6700]


@pytest.mark.parametrize("counted", COUNTED, ids=str)
def test_nothing_shown_of_a_delivery_narrows_its_accepted_rows(counted) -> None:
    possible = defaultdict(set)
    for accepted, aside in deliveries():
        possible[row_counts.shown(accepted, aside, counted)].add(accepted)
    for shown, counts in possible.items():
        reached = class_of(min(counts), counted)
        assert counts == reached, f"{shown} leaves only {sorted(counts)} of {sorted(reached)}"


@pytest.mark.parametrize("counted", COUNTED, ids=str)
def test_nothing_shown_of_a_refused_delivery_narrows_its_rows(counted) -> None:
    possible = defaultdict(set)
    for aside in range(1, MOST + 1):
        possible[row_counts.shown(0, aside, counted)].add(aside)
    for counts in possible.values():
        assert counts == class_of(min(counts), counted)


@pytest.mark.parametrize("counted", COUNTED, ids=str)
def test_no_part_shown_narrows_the_whole_and_no_small_part_or_rest_is_shown(counted) -> None:
    limit = counted.limit
    possible = defaultdict(set)
    for accepted in range(MOST + 1):
        for aside in {0, min(accepted, 1), accepted // 4}:
            shown = row_counts.shown(accepted, aside, counted)
            for part in range(accepted + aside + 1):
                told = row_counts.part(part, accepted + aside, shown, counted)
                possible[shown, told].add(accepted)
                if told is not None and 0 < part < accepted + aside:
                    assert part > limit and accepted + aside - part > limit
    for (shown, told), counts in possible.items():
        reached = class_of(min(counts), counted)
        of_shown = set().union(*(found for (other, _), found in possible.items() if other == shown))
        assert counts == reached & of_shown, f"{told} of {shown} leaves only {sorted(counts)} of {sorted(reached)}"


@pytest.mark.parametrize("counted", [*COUNTED, Counted(OPEN)], ids=str)
def test_read_is_accepted_and_set_aside_of_what_is_shown(counted) -> None:
    for accepted, aside in deliveries():
        shown = row_counts.shown(accepted, aside, counted)
        if None in (shown.read, shown.accepted, shown.quarantined):
            assert shown.read is None and shown.status == row_counts.HIDDEN and not counted.is_open
        else:
            assert shown.read == shown.accepted + shown.quarantined
            assert shown.status in (row_counts.EXACT, row_counts.ROUNDED)
        if counted.is_open:
            assert (shown.read, shown.accepted, shown.quarantined) == (accepted + aside, accepted, aside)


def test_rows_set_aside_are_exact_while_few() -> None:
    assert row_counts.shown(435, 7, Counted(POLICE)).quarantined == 7
    assert row_counts.shown(435, 7, Counted(POLICE)).read == 442
    assert row_counts.shown(3, 1, Counted(POLICE)).quarantined is None
    assert row_counts.shown(8, 7, Counted(POLICE)).quarantined == 5


def test_words_keep_their_names_and_lose_their_numbers() -> None:
    text = "3 of 1,204 rows otherwise, in Q12 and 2024-03_a (fields 1, 2)"
    assert row_counts.without_numbers(text) == "… of … rows otherwise, in Q12 and 2024-03_a (fields …, …)"
