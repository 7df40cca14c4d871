"""Three places, three permissions after a run under the usual umask; test_canary.py looks at one under a closed umask."""

from __future__ import annotations

import os
import stat

from flows.core import permissions
from flows.settings import Settings


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_internal_is_closed_and_a_release_open_but_for_its_letters(sample_run, wrong_modes) -> None:
    settings, _ = sample_run
    assert wrong_modes(settings.out) == []
    assert mode(settings.current.resolve() / "campaign.duckdb") == 0o644
    assert mode(settings.current.resolve() / "letters") == 0o700
    assert mode(settings.out / "raw_index.json") == 0o600


def test_the_raw_folder_is_left_as_it_is_and_receipts_are_as_open_as_their_files(tmp_path) -> None:
    from flows.core import landing

    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out")
    settings.raw.mkdir(mode=0o750)
    for name, bits in (("a.csv", 0o640), ("b.csv", 0o600), ("c.csv", 0o644)):
        (settings.raw / name).write_text(name)
        (settings.raw / name).chmod(bits)
    settings.out.mkdir()
    with permissions.closed(settings):
        landing.land_all(settings.raw, settings.out / "raw_index.json")
    receipts = {path.name[:5]: mode(path) for path in settings.raw.glob("*.receipt.json")}
    assert receipts == {"a.csv": 0o640, "b.csv": 0o600, "c.csv": 0o644}
    assert mode(settings.raw) == 0o750 and mode(settings.out / "raw_index.json") == 0o600


def test_what_an_earlier_version_left_open_is_closed_and_the_umask_comes_back(tmp_path) -> None:
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out")
    before = os.umask(0o022)
    try:
        (settings.staged / "survey_answers").mkdir(parents=True)
        (settings.staged / "survey_answers" / "old.parquet").write_bytes(b"PAR1")
        with permissions.closed(settings):
            (settings.staged / "new.parquet").write_bytes(b"PAR1")
        assert {mode(p) for p in settings.staged.rglob("*.parquet")} == {0o600}
        assert mode(settings.staged) == mode(settings.staged / "survey_answers") == 0o700
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_status_says_that_every_user_can_open_the_raw_folder(tmp_path, barometer) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    raw.chmod(0o755)
    said = barometer("status", "--raw", raw, "--out", tmp_path / "out").stdout
    assert "Every user of this machine can open" in said and f"chmod -R o-rwx {raw}" in " ".join(said.split())
    raw.chmod(0o750)
    assert "Every user" not in barometer("status", "--raw", raw, "--out", tmp_path / "out").stdout
