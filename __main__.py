"""Batchyard: one stack, one stage. Settings come from Pulumi.<stack>.yaml, jobs from jobs/<job>/job.yaml."""

from __future__ import annotations

import gc
import signal
from pathlib import Path


def main() -> None:
    # reading the SDK makes many objects and frees none: looking for garbage only slows the start
    gc.disable()
    # so the engine ends a program whose update has failed; Python's own answer, a traceback, would hide the failure
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from components.program import run

    run(Path(__file__).resolve().parent)


main()
