"""The same files and the same code give the same tables, byte for byte, on one core or two."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flows.core import pipeline


@pytest.fixture(scope="module")
def hashes(sample_run):
    settings, _ = sample_run
    return content(settings)


def content(settings) -> dict[str, str]:
    manifest = json.loads((settings.current / "manifest.json").read_text())
    return {name: entry["content_sha256"] for name, entry in manifest["tables"].items()}


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_same_tables_with_any_number_of_threads(sample_run, hashes, tmp_path, threads) -> None:
    settings = replace(sample_run[0], out=tmp_path / "out", threads=threads)
    pipeline.refresh(settings)
    again = content(settings)
    assert {name for name in hashes if again.get(name) != hashes[name]} == set()
