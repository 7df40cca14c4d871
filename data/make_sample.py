"""Rewrites the synthetic sample in data/raw, byte for byte the same on every run.

    python data/make_sample.py [--out data/raw]

Each part of `data/sample` invents one family of deliveries, except `ssmsi`, which holds single published figures of
the SSMSI with their source. Nothing else in the sample describes a real fact, person or organisation.
"""

import argparse
from pathlib import Path

from sample import campaign, partners, places, police, ssmsi, surveys

HERE = Path(__file__).resolve().parent
FAMILIES = [places, police, ssmsi, partners, campaign, surveys]


def write_sample(out: Path) -> list[Path]:
    """Writes every delivery with its receipt below `out`; returns the files' paths."""
    return [delivery.write(out) for family in FAMILIES for delivery in family.deliveries()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "raw", help="folder to write to (default: data/raw)")
    paths = write_sample(parser.parse_args().out)
    size = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} deliveries, {size / 1e6:.2f} MB, each with its receipt")


if __name__ == "__main__":
    main()
