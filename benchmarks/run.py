"""Compare wsrec with other proxies: `python benchmarks/run.py --help`.

The code is in the modules beside this file. They import each other as `benchmarks.…`, which a file
that is run as a script cannot; so this one only puts the repository on the path and hands over.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from benchmarks.command import main

    sys.exit(main())
