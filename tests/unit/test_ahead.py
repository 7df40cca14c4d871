"""Deliveries that are read beside the run: each is admitted once, its verdict or error told when the run comes to it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from flows.core import admission, ahead, pipeline
from flows.settings import PROJECT, Settings


def deliveries(count: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(delivery_id=f"d{number}") for number in range(count)]


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    ahead.stop(lambda: None)


def test_each_is_admitted_once_and_every_verdict_is_its_own() -> None:
    all_of_them, admitted, lock = deliveries(9), [], threading.Lock()

    def admit(delivery):
        with lock:
            admitted.append(delivery.delivery_id)
        return f"verdict on {delivery.delivery_id}"

    ahead.start(all_of_them[1:], admit)
    found = [ahead.take(delivery) or admit(delivery) for delivery in all_of_them]
    assert found == [f"verdict on {delivery.delivery_id}" for delivery in all_of_them]
    assert sorted(admitted) == [delivery.delivery_id for delivery in all_of_them]


def test_the_first_is_the_run_s_own_and_an_error_is_met_where_its_delivery_is() -> None:
    first, broken, good = deliveries(3)

    def admit(delivery):
        if delivery is broken:
            raise ValueError("broken")
        return "verdict"

    ahead.start([broken, good], admit)
    ahead._lanes[0]._thread.join()
    assert ahead.take(first) is None
    with pytest.raises(ValueError, match="broken"):
        ahead.take(broken)
    assert ahead.take(good) == "verdict"


def test_while_one_is_under_way_the_run_goes_on_with_the_next() -> None:
    slow, other = deliveries(2)
    has_begun, may_end, by = threading.Event(), threading.Event(), {}

    def admit(delivery):
        by[delivery.delivery_id] = threading.current_thread()
        if delivery is slow:
            has_begun.set()
            assert may_end.wait(60)
        else:
            may_end.set()
        return delivery.delivery_id

    ahead.start([slow, other], admit)
    assert has_begun.wait(60)
    assert ahead.take(slow) == "d0" and by["d1"] is threading.current_thread()
    assert ahead.take(other) == "d1"


def test_a_run_that_ends_early_waits_for_no_query() -> None:
    endless, never = deliveries(2)
    has_begun, interrupted, admitted = threading.Event(), threading.Event(), []

    def admit(delivery):
        admitted.append(delivery)
        has_begun.set()
        assert interrupted.wait(60)
        raise RuntimeError("interrupted")

    ahead.start([endless, never], admit)
    assert has_begun.wait(60)
    ahead.stop(interrupted.set)
    assert admitted == [endless] and ahead.take(never) is None


def test_what_the_run_does_while_it_waits_is_its_own_way_to_admit() -> None:
    slow, other = deliveries(2)
    has_begun, may_end, ended = threading.Event(), threading.Event(), []

    def elsewhere(delivery):
        has_begun.set()
        assert may_end.wait(60)
        return "elsewhere"

    def here(delivery):
        may_end.set()
        return "here"

    ahead.start([slow, other], elsewhere, here, lambda: ended.append(True))
    assert has_begun.wait(60)
    assert ahead.take(slow) == "elsewhere" and ahead.take(other) == "here"
    ahead._lanes[0]._thread.join()
    assert ended, "what the thread leaves behind is ended with it"


def test_only_the_first_who_asks_begins_until_the_run_ends() -> None:
    assert ahead.begin() and not ahead.begin()
    ahead.stop(lambda: None)
    assert ahead.begin()


def test_two_tables_are_never_typed_at_a_time(tmp_path, monkeypatch) -> None:
    raw, under_way, by = tmp_path / "raw", [], {}
    raw.mkdir()
    (raw / "zones.csv").write_bytes((PROJECT / "data/raw/reference/zones.csv").read_bytes())
    for name in "ab":
        moments = (f"{n % 27 + 1:02d}/03/2024 {n // 27 // 60:02d}:{n // 27 % 60:02d}" for n in range(25_000))
        rows = (f"{name}-{n};{on};CF09;Violences;Non;R1;Police nationale" for n, on in enumerate(moments))
        header = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service"
        (raw / f"{name}.csv").write_text("\n".join([header, *rows, ""]))
    judge = admission._judge_table

    def judged(delivery, *more):
        assert not under_way
        under_way.append(delivery)
        by[delivery.path.name] = threading.current_thread()
        try:
            return judge(delivery, *more)
        finally:
            under_way.pop()

    monkeypatch.setattr(admission, "_judge_table", judged)
    outcome = pipeline.refresh(Settings(raw=raw, out=tmp_path / "out", threads=2).resolved())
    assert [line.verdict for line in outcome.deliveries] == ["passed"] * 3
    assert len({by["a.csv"], by["b.csv"]}) == 2  # one of them beside the run
