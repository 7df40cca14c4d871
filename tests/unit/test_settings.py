"""Settings from the environment: what cannot be read is a mistake of use that names the variable, before anything runs."""

from __future__ import annotations

import pytest

from flows.core.errors import UsageProblem
from flows.settings import from_environment


@pytest.mark.parametrize("size", ["900MB", "1.5 GiB", "2gb", "1000000000B"])
def test_a_size_as_duckdb_reads_it(size, monkeypatch) -> None:
    import duckdb

    monkeypatch.setenv("BAROMETER_MEMORY_LIMIT", size)
    duckdb.connect(config={"memory_limit": from_environment().memory_limit}).close()


@pytest.mark.parametrize("size", ["lots", "80%", "900", "", "-1GB", "1,5GB"])
def test_another_text_is_no_size(size, monkeypatch) -> None:
    monkeypatch.setenv("BAROMETER_MEMORY_LIMIT", size)
    with pytest.raises(UsageProblem, match=r"BAROMETER_MEMORY_LIMIT .* no size such as 900MB"):
        from_environment()


@pytest.mark.parametrize(
    ("name", "text"), [("THREADS", "0"), ("THREADS", "-3"), ("KEPT_RELEASES", "0"), ("PUBLISH", "maybe")]
)
def test_a_value_that_means_nothing_is_told(name, text, monkeypatch) -> None:
    monkeypatch.setenv(f"BAROMETER_{name}", text)
    with pytest.raises(UsageProblem, match=f"BAROMETER_{name} is '{text}'"):
        from_environment()


@pytest.mark.parametrize(("text", "is_meant"), [("yes", True), (" True ", True), ("0", False), ("No", False)])
def test_yes_and_no(text, is_meant, monkeypatch) -> None:
    monkeypatch.setenv("BAROMETER_PUBLISH", text)
    assert from_environment().publish is is_meant
