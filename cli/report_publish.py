"""`batchyard report --publish`: what the scheduled job does with a report, by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jobs import conventions
from reports.model.report import Report
from reports.publish import Place, publish, tell
from reports.stage import StageAccess, StageUnavailableError


def reports_bucket(access: StageAccess) -> str:
    """Its name. Raises StageUnavailableError where the stage has none."""
    bucket = access.buckets.get(conventions.REPORTS_BUCKET)
    if bucket is None:
        raise StageUnavailableError(
            f"stage {access.stage}: has no bucket {conventions.REPORTS_BUCKET}; "
            f"write `{conventions.REPORTS_BUCKET}: {{}}` below batchyard:buckets and bring it up again"
        )
    return bucket


def publish_report(
    made: Report, access: StageAccess, *, allocations: Path | None, say: Callable[[str], None]
) -> Report:
    """Every format into the stage's reports bucket, word of it to its topic where it has one; gives the report with its
    address. Raises StageUnavailableError and PublishError."""
    s3 = access.client("s3")
    endpoint_url = str(s3.meta.endpoint_url) if access.simulated else None
    place = Place(bucket=reports_bucket(access), region=access.region, endpoint_url=endpoint_url)
    published = publish(made, place, s3=s3, allocations=allocations)
    topic_arn = access.topics.get(conventions.REPORTS_TOPIC)
    if topic_arn is not None:
        tell(published, sns=access.client("sns"), topic_arn=topic_arn)
    say(f"published at {published.published}")
    return published
