"""Run as a program: sets `sheet.typ` of one folder within limits. Imports nothing of ours, for it knows no paths of ours.

    python -I setter.py FOLDER MEMORY_BYTES CPU_SECONDS [FONT_FOLDER ...]

The limits are set here and not before the fork, which would not be safe in a process with threads. The network is for
packages only, and a layout of ours asks for none; a proxy that nobody listens to answers if one ever did.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress

DEAD_PROXY = "http://127.0.0.1:9"


def limit(memory: int, cpu: int) -> None:
    """Some systems (macOS) know no limit of address space; the clock and the caller's patience remain."""
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def main() -> None:
    folder, memory, cpu, *fonts = sys.argv[1:]
    os.environ.update(HTTPS_PROXY=DEAD_PROXY, HTTP_PROXY=DEAD_PROXY, ALL_PROXY=DEAD_PROXY, RAYON_NUM_THREADS="1")
    limit(int(memory), int(cpu))
    import typst  # after the limits, which hold for what it starts

    nowhere = os.path.join(folder, "packages")
    found = typst.Fonts(font_paths=fonts)  # with the machine's and typst's own, for letters that ours lack
    compiler = typst.Compiler(
        os.path.join(folder, "sheet.typ"),
        root=folder, font_paths=found, package_path=nowhere, package_cache_path=nowhere,
    )  # fmt: skip
    compiler.compile(output=os.path.join(folder, "sheet.pdf"), format="pdf")


if __name__ == "__main__":
    main()
