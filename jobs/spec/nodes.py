"""`nodes`: a job of several instances that work together; Batch calls it multi-node parallel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobs.spec.base import Hint, Strict


class Nodes(Strict):
    """Each node is a container of the same image on an instance of its own; they find each other by AWS_BATCH_JOB_…"""

    count: Annotated[
        int,
        Field(ge=2, le=1_000, examples=[4]),
        Hint(
            allowed="Batch allows 1–1,000 nodes, and one is a plain job", remedy="write a whole number from 2 to 1,000"
        ),
    ]
    """Nodes of one attempt; each gets the job's resources."""
