"""CloudWatch Logs of the lane: moto's, with subscription filters that filter, keep their distribution and deliver to
Firehose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.logs.exceptions import InvalidParameterException, LimitExceededException
from moto.logs.models import LogGroup, LogStream, SubscriptionFilter
from moto.logs.responses import LogsResponse

from local.emulator.clients import Clients
from local.emulator.context import EmulatorContext
from local.emulator.logs.filter_pattern import FilterPatternError, parse_filter
from local.emulator.logs.subscription import Lines, Route, SubscriptionSender
from local.emulator.substitute import Substitutions

MAX_FILTERS = 2
_DISTRIBUTIONS = ("ByLogStream", "Random")


class LogsService:
    def __init__(self, context: EmulatorContext) -> None:
        clients = Clients(endpoint=context.endpoint, region=context.region)
        self._sender = SubscriptionSender(lambda: clients("firehose"), context.stopping)
        self._substitutions = Substitutions()
        substitute = self._substitutions.attribute
        substitute(LogStream, "_send_log_events", _filtering(self._sender, LogStream._send_log_events))
        substitute(SubscriptionFilter, "to_json", _with_distribution(SubscriptionFilter.to_json))
        substitute(LogsResponse, "put_subscription_filter", _put_subscription_filter)
        substitute(LogGroup, "put_subscription_filter", _update_or(LogGroup.put_subscription_filter))

    def close(self) -> None:
        self._sender.close()
        self._substitutions.undo()


def install(context: EmulatorContext) -> LogsService:
    """Puts our subscription filters into moto's CloudWatch Logs; `close()` delivers what waits and takes them out
    again."""
    return LogsService(context)


def _filtering(
    sender: SubscriptionSender, moto: Callable[..., None]
) -> Callable[[LogStream, str, str, str, list[dict[str, Any]]], None]:
    """In the place of LogStream._send_log_events: only lines that match, and Firehose in the background (moto writes
    to S3 at once)."""

    def send(
        self: LogStream, service: str, destination_arn: str, filter_name: str, log_events: list[dict[str, Any]]
    ) -> None:
        subscription = self.log_group.subscription_filters[filter_name]
        matches = parse_filter(subscription.filter_pattern or "")
        chosen = [event for event in log_events if matches(event["message"])]
        if not chosen:
            return
        if service != "firehose":
            moto(self, service, destination_arn, filter_name, chosen)
            return
        route = Route(
            destination_arn=destination_arn,
            role_arn=subscription.role_arn or "",
            owner=self.account_id,
            group=self.log_group.name,
            stream=self.log_stream_name,
            filter_name=filter_name,
        )
        sender.send(Lines(route=route, events=[event | {"id": f"{event['id']:056d}"} for event in chosen]))

    return send


def _with_distribution(moto: Callable[[SubscriptionFilter], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def to_json(self: SubscriptionFilter) -> dict[str, Any]:
        described = moto(self) | {"distribution": getattr(self, "distribution", None) or _DISTRIBUTIONS[0]}
        return {key: value for key, value in described.items() if value is not None}

    return to_json


def _update_or(moto: Callable[..., None]) -> Callable[..., None]:
    """moto counts the filter that is updated itself against the two a group may have."""

    def put(self: LogGroup, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str) -> None:
        known = self.subscription_filters.get(filter_name)
        if known is not None:
            known.update(filter_pattern, destination_arn, role_arn)
            return
        if len(self.subscription_filters) >= MAX_FILTERS:
            raise LimitExceededException()
        moto(self, filter_name, filter_pattern, destination_arn, role_arn)

    return put


def _put_subscription_filter(self: LogsResponse) -> str:
    group, name = self._get_param("logGroupName"), self._get_param("filterName")
    pattern, distribution = self._get_param("filterPattern"), self._get_param("distribution")
    destination, role = self._get_param("destinationArn"), self._get_param("roleArn")
    try:
        parse_filter(pattern or "")
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid filter pattern: {error}") from error
    if distribution not in (None, *_DISTRIBUTIONS):
        raise InvalidParameterException(
            constraint=f"Member must satisfy enum value set: [{', '.join(_DISTRIBUTIONS)}]",
            parameter="distribution",
            value=distribution,
        )
    if destination.split(":")[2] == "firehose" and not role:
        raise InvalidParameterException("destinationArn for vendor firehose cannot be used without roleArn")
    self.logs_backend.put_subscription_filter(group, name, pattern, destination, role)
    self.logs_backend.groups[group].subscription_filters[name].distribution = distribution  # type: ignore[attr-defined]
    return ""
