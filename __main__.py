"""Batchyard: one stack, one stage. Settings come from Pulumi.<stack>.yaml, jobs from jobs/<job>/job.yaml."""

from __future__ import annotations

import atexit
import gc
import signal
from pathlib import Path


def main() -> None:
    # reading the SDK makes many objects and frees none: looking for garbage only slows the start, and the end
    gc.disable()
    atexit.register(gc.freeze)
    # so the engine ends a program whose update has failed; Python's own answer, a traceback, would hide the failure
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from components.sdk_loading import load_by_name

    load_by_name()
    from components.program import run

    run(Path(__file__).resolve().parent)


main()
