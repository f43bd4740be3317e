"""The end of a run on Lambda, as its function tells the event bus of it. Pure.

A rule, and the sample it must take, as those of Batch's ends in `rules.py` and `sample.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # the specifications check themselves with this package
    from jobs.spec.event_sources import AfterSource

SOURCE: Final = "lambda"
DETAIL_TYPES: Final[Mapping[str, str]] = {
    "succeeded": "Lambda Function Invocation Result - Success",
    "failed": "Lambda Function Invocation Result - Failure",
}


def function_end_pattern(function_arn: str, source: AfterSource) -> dict[str, Any]:
    """Ends of one function's runs; what follows its name is the version."""
    return {
        "source": [SOURCE],
        "detail-type": [DETAIL_TYPES[source.status]],
        "detail": {"requestContext": {"functionArn": [{"prefix": f"{function_arn}:"}]}},
    }


def function_end_paths(source: AfterSource) -> dict[str, str]:
    """Parameter → where the event has it. The runtime in the image answers with what it ran; when Lambda ended that
    too, there is no answer, but still the event it was for."""
    told = "responsePayload" if source.status == "succeeded" else "requestPayload"
    return {
        "after_job_id": "$.detail.responsePayload.job_id",
        "after_exit_code": "$.detail.responsePayload.exit_code",
        **{name: f"$.detail.{told}.parameters.{other}" for name, other in source.take.items()},
    }
