"""What both fuzzers share: where inputs are, and the flags for libFuzzer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

HERE = Path(__file__).parent
MAX_SECONDS = 20
"""The time for one input; a longer one counts as a finding."""

MAX_MEGABYTES = 3000
"""The memory of the process; more counts as a finding."""


def fuzz(
    name: str,
    target: Callable[[bytes], None],
    seeds: Mapping[str, bytes],
    mutate: Callable[[bytes, int, int], bytes],
) -> None:
    """Run libFuzzer with the flags of the command line; it ends the process.

    Inputs that crash, hang or take too much memory are written to ``corpus/<name>/``, where a test reads them from then
    on; inputs that only reach new code are kept in ``build/fuzz/<name>/`` for the next time.
    """
    found = HERE / "corpus" / name
    reached = HERE.parent / "build" / "fuzz" / name
    for folder in (found, reached):
        folder.mkdir(parents=True, exist_ok=True)
    for seed, data in seeds.items():
        (reached / f"seed-{seed.replace('/', '-')}").write_bytes(data)
    flags = [f"-artifact_prefix={found}/", f"-timeout={MAX_SECONDS}", f"-rss_limit_mb={MAX_MEGABYTES}"]
    flags += ["-report_slow_units=5", "-max_len=65536", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *flags, *sys.argv[1:], str(reached), str(found)], target, custom_mutator=mutate)
    atheris.Fuzz()
