"""Batchyard: one stack, one stage. Settings come from Pulumi.<stack>.yaml, jobs from jobs/<job>/job.yaml."""

from __future__ import annotations

from pathlib import Path

from components.program import run

run(Path(__file__).resolve().parent)
