"""S3 of the lane: moto's, with complete EventBridge notifications."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend, s3_backends
from moto.s3.responses import S3Response

from local.emulator import events
from local.emulator.context import EmulatorContext
from local.emulator.s3.object_events import DELETED, KINDS, object_event
from local.emulator.substitute import Substitutions


class S3Service:
    """Sends Object Created, Deleted, Tags and ACL events of every bucket whose notification configuration has
    EventBridge in it."""

    def __init__(self) -> None:
        self._substitutions = Substitutions()
        self._substitutions.backend(s3_backends, EmulatedS3Backend)
        s3_backends.bucket_accounts.clear()
        self._substitutions.attribute(notifications, "_send_event_bridge_message", _send_event)
        get = _with_event_bridge(S3Response.get_bucket_notification)
        self._substitutions.attribute(S3Response, "get_bucket_notification", get)
        self._substitutions.attribute(FakeBucket, "get_permission", _permission)

    def close(self) -> None:
        self._substitutions.undo()
        s3_backends.bucket_accounts.clear()


def install(context: EmulatorContext) -> S3Service:
    """Puts our notifications into moto's S3; `close()` takes them out again."""
    del context
    return S3Service()


class EmulatedS3Backend(S3Backend):
    def put_object(self, *arguments: Any, **options: Any) -> Any:
        # A completed multipart upload is one event, not a PutObject as well.
        if options.get("multipart") is not None:
            options["disable_notification"] = True
        return super().put_object(*arguments, **options)

    def put_object_tagging(self, key: Any, tags: dict[str, str] | None) -> Any:
        # moto tags every object it stores, mostly with nothing: that is no "Object Tags Added".
        if tags or self.tagger.list_tags_for_resource(key.arn).get("Tags"):
            return super().put_object_tagging(key, tags)
        return key

    def delete_object(
        self, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> tuple[bool, dict[str, Any]]:
        bucket = self.get_bucket(bucket_name)
        existed = bool(bucket.keys.getlist(key_name, []))
        done, meta = super().delete_object(bucket_name, key_name, version_id=version_id, bypass=bypass)
        if done and (existed or bucket.is_versioned):
            self._send_deleted(bucket, key_name, version_id, meta)
        return done, meta

    def _send_deleted(self, bucket: Any, key: str, version_id: str | None, meta: dict[str, Any]) -> None:
        configuration = bucket.notification_configuration
        if configuration is None or configuration.event_bridge is None:
            return
        marked = bucket.is_versioned and version_id is None
        events.publish(
            object_event(
                DELETED,
                bucket=bucket.name,
                region=bucket.region_name,
                account=self.account_id,
                facts={"key": key},
                version_id=meta.get("version-id") if bucket.is_versioned else None,
                reason="DeleteObject",
                deletion_type="Delete Marker Created" if marked else "Permanently Deleted",
            )
        )


def _permission(bucket: FakeBucket, action: str, resource: str) -> Any:
    """What a bucket's policy says. moto judges no conditions: it would refuse everything in a bucket for TLS only.

    The emulator's plain HTTP stands for AWS's TLS, so a statement about insecure transport never applies.
    """
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy.decode() if isinstance(bucket.policy, bytes) else bucket.policy)
    statements = policy.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    applying = [statement for statement in statements if not _for_insecure_transport(statement)]
    if not applying:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**policy, "Statement": applying})).is_action_permitted(action, resource)


def _for_insecure_transport(statement: dict[str, Any]) -> bool:
    asked = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return str(asked).lower() == "false"


def _send_event(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    """In the place of moto's: queues the event. Deletions come from the backend, which knows what kind they were."""
    name = getattr(event_name, "value", event_name)
    if name not in KINDS or key is None or isinstance(key, FakeDeleteMarker):
        return
    kind, reason = KINDS[name]
    facts: dict[str, Any] = {"key": key.name, "etag": key.etag.strip('"')}
    if reason is not None:
        facts["size"] = key.size
    events.publish(
        object_event(
            kind,
            bucket=bucket.name,
            region=bucket.region_name,
            account=account_id,
            facts=facts,
            version_id=key.version_id if bucket.is_versioned else None,
            reason=reason,
        )
    )


def _with_event_bridge(moto: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    """GetBucketNotificationConfiguration: moto leaves EventBridgeConfiguration out."""

    def get_bucket_notification(self: S3Response) -> Any:
        status, headers, body = moto(self)
        configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if configuration is None or configuration.event_bridge is None:
            return status, headers, body
        text = body.decode() if isinstance(body, bytes) else body
        # With nothing else configured the element is empty; it's opened before it's filled.
        opened = re.sub(r"(<NotificationConfiguration[^>]*?)/>", r"\1></NotificationConfiguration>", text)
        filled = "<EventBridgeConfiguration/></NotificationConfiguration>"
        return status, headers, opened.replace("</NotificationConfiguration>", filled)

    return get_bucket_notification
