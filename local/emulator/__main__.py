"""`python -m local.emulator --lane <folder> --registry localhost:<port>` serves one lane until SIGTERM or SIGINT."""

from __future__ import annotations

import sys

from local.emulator.server import main

if __name__ == "__main__":
    sys.exit(main())
