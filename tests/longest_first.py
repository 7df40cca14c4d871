"""The order of the test files: each processor takes the next one, so the longest must not begin last and run on alone."""

from __future__ import annotations

from pathlib import Path

LONGEST_FIRST = (
    "test_runs.py",
    "test_kill.py",
    "test_as_of.py",
    "test_planted_faults.py",
    "test_damage.py",
    "test_through_prefect.py",
    "test_bad_files.py",
    "test_reproducible.py",
    "test_readme.py",
    "test_scheduled_for_real.py",
    "test_reading_forms.py",
    "test_cases.py",
    "test_lineage_of_models.py",
    "test_police_indicators.py",
    "test_verify.py",
    "test_small_counts.py",
    "test_rules.py",
    "test_audit_bundle.py",
    "test_at_hand.py",
    "test_validation_adapter.py",
    "test_corrections.py",
    "test_releases.py",
    "test_rows_add_up.py",
    "test_prune.py",
    "test_internal_database.py",
    "test_real_data.py",
    "test_by_delivery.py",
    "test_canary.py",
    "test_known_and_new.py",
    "test_openlineage.py",
    "test_validation_files.py",
)
"""Files that take more than twenty seconds; `make test` shows what is slow."""


def place_of(path: Path) -> int:
    """Where a file stands; those that are not named come after all others, in their own order."""
    return LONGEST_FIRST.index(path.name) if path.name in LONGEST_FIRST else len(LONGEST_FIRST)
