"""The attack, against numbers worked out by hand and against every table tried one by one."""

from __future__ import annotations

import numpy as np
import pytest
from cities import MEASURES, RULES, links, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.core.disclosure.attack import Known, find_intervals, find_leaks
from flows.core.disclosure.frames import Linked, certify, protect_frame

SLOW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def bare(cells, sums):
    """A release without partners."""
    return protect_frame(cells, sums, RULES, MEASURES, with_partners=False)


def test_textbook_example_has_the_interval_worked_out_by_hand():
    # Fischetti and Salazar-González (2001), the table of investments: 22 is sensitive, hidden with 8, 17 and 12.
    # With x for it, its partners are 30 - x, x - 5 and 34 - x, so that 5 <= x <= 30.
    sums = links(3, 3)
    frame = bare(table([[20, 50, 10], [8, 19, 22], [17, 32, 12]]), sums)
    matrix, _ = Linked(frame, sums).sums()
    cells = list(zip(frame["zone_code"], frame["breakdown_value"], strict=True))
    hidden = np.array([cell in {("z1", "k0"), ("z1", "k2"), ("z2", "k0"), ("z2", "k2")} for cell in cells])
    count = frame["exact_count"].to_numpy()
    nothing = np.full(len(frame), np.inf)
    known = Known(np.where(hidden, 0.0, count), np.where(hidden, np.inf, count), nothing, -nothing)
    low, high = find_intervals(matrix, known, count)
    of = {cell: (low[i], high[i]) for i, cell in enumerate(cells)}
    assert of["z1", "k2"] == pytest.approx((5, 30))
    assert of["z1", "k0"] == pytest.approx((0, 25))
    assert of["z2", "k0"] == pytest.approx((0, 25))
    assert of["z2", "k2"] == pytest.approx((4, 29))


def test_a_lone_hidden_cell_is_read_off_its_total_and_the_message_names_the_sum():
    sums = links(2, 2)
    verdict = certify(Linked(bare(table([[20, 3], [30, 40]]), sums), sums), RULES, MEASURES)
    assert len(verdict.leaks) == 1
    message = verdict.leaks[0]
    assert "incidents · z0 · year:2026-01-01 · kind:k1" in message
    assert "zones of the city" in message or "kinds: " in message
    assert not any(figure in message for figure in (" 20", " 23", " 43", " 3 "))


def test_two_fives_whose_total_is_known_are_told_by_it():
    # both lie in 0 to 5, their sum is 10: each is 5
    sums = links(2, 2)
    assert len(certify(Linked(bare(table([[5, 5], [30, 40]]), sums), sums), RULES, MEASURES).leaks) == 2


@SLOW
@given(st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=2, max_size=3))
def test_linear_programming_agrees_with_all_tables_tried_one_by_one(rows):
    sums = links(len(rows), 3)
    compare(bare(table(rows), sums), sums)


@SLOW
@given(st.lists(st.lists(st.integers(0, 7), min_size=2, max_size=2), min_size=2, max_size=3))
def test_protected_tables_withstand_every_table_tried_one_by_one(rows):
    sums = links(len(rows), 2)
    frame = protect_frame(table(rows), sums, RULES, MEASURES)
    assert not certify(Linked(frame, sums), RULES, MEASURES).leaks
    if (frame["known_high"].fillna(99) > frame["known_low"]).sum() <= 8:
        compare(frame, sums)


def compare(frame, sums) -> None:
    """Intervals and leaks, against all tables of counts up to a little above the largest."""
    count = frame["exact_count"].to_numpy()
    matrix, _ = Linked(frame, sums).sums()
    known = Known(
        frame["known_low"].to_numpy(float),
        frame["known_high"].fillna(int(count.max()) + 6).to_numpy(float),
        frame["need_low"].fillna(np.inf).to_numpy(float),
        frame["need_high"].fillna(-np.inf).to_numpy(float),
    )
    tables = all_tables(matrix.toarray(), known.low, known.high, count)
    low, high = find_intervals(matrix, known, count)
    assert (low <= tables.min(0) + 1e-6).all()
    assert (high >= tables.max(0) - 1e-6).all()
    asked = np.isfinite(known.need_high)
    broken = asked & ((tables.min(0) > known.need_low) | (tables.max(0) < known.need_high))
    leaks = find_leaks(matrix, known, count).leaks
    assert [leak.cell for leak in leaks] == np.flatnonzero(broken).tolist()
    for leak in leaks:
        assert (leak.low, leak.high) == (tables.min(0)[leak.cell], tables.max(0)[leak.cell])


def all_tables(matrix: np.ndarray, low: np.ndarray, high: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Every table of whole numbers within the limits that keeps all sums: tried one by one, no programme involved."""
    free = np.flatnonzero(high > low)
    found: list[np.ndarray] = []
    point = exact.astype(float).copy()
    last = {row: max(np.flatnonzero(matrix[row, free]), default=-1) for row in range(len(matrix))}

    def place(position: int) -> None:
        if position == len(free):
            found.append(point.copy())
            return
        done = [row for row, end in last.items() if end == position]
        for value in range(int(low[free[position]]), int(high[free[position]]) + 1):
            point[free[position]] = value
            if all(matrix[row] @ point == 0 for row in done):
                place(position + 1)
        point[free[position]] = exact[free[position]]

    place(0)
    return np.array(found)
