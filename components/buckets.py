"""A bucket of the stage: private, encrypted, reached by TLS only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.names import Names

ABORT_UPLOADS_AFTER_DAYS: Final = 7
"""Parts of an upload nobody finished are stored, and paid for, until they are aborted."""


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    names: Names
    bucket: str
    """The bucket's name in the settings."""
    versioned: bool = False
    expire_after_days: int | None = None
    force_destroy: bool = False
    """Whether destroying the stage deletes the bucket with what is in it."""
    sends_events: bool = False
    """Whether EventBridge hears of its objects."""


class Bucket(pulumi.ComponentResource):
    """Children: the s3 Bucket, BucketPublicAccessBlock, BucketServerSideEncryptionConfiguration, BucketVersioning (when
    versioned), BucketLifecycleConfiguration, BucketPolicy, and BucketNotification when it sends events."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Bucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        logical = args.names.of("bucket", args.bucket)
        bucket = aws.s3.Bucket(logical, force_destroy=args.force_destroy, opts=child)
        self.name = bucket.bucket
        self.arn = bucket.arn
        block = aws.s3.BucketPublicAccessBlock(
            logical,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            logical,
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    )
                )
            ],
            opts=child,
        )
        if args.versioned:
            aws.s3.BucketVersioning(
                logical,
                bucket=bucket.bucket,
                versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
                opts=child,
            )
        aws.s3.BucketLifecycleConfiguration(logical, bucket=bucket.bucket, rules=lifecycle_rules(args), opts=child)
        aws.s3.BucketPolicy(
            logical,
            bucket=bucket.bucket,
            policy=tls_only(bucket.arn),
            # S3 refuses two such changes of one bucket at once
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )
        if args.sends_events:
            aws.s3.BucketNotification(logical, bucket=bucket.bucket, eventbridge=True, opts=child)
        self.register_outputs({"name": self.name, "arn": self.arn})


def tls_only(bucket_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """Refuses whoever comes without TLS, whatever else they may."""
    return policies.document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, pulumi.Output.concat(bucket_arn, "/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def lifecycle_rules(args: BucketArgs) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    """Unfinished uploads go; objects, and their old versions, go when the settings say so."""
    everything = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    rules = [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="abort-unfinished-uploads",
            status="Enabled",
            filter=everything,
            abort_incomplete_multipart_upload=(
                aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=ABORT_UPLOADS_AFTER_DAYS
                )
            ),
        )
    ]
    if args.expire_after_days is not None:
        rules.append(
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="expire",
                status="Enabled",
                filter=everything,
                expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_after_days),
                noncurrent_version_expiration=(
                    aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=args.expire_after_days
                    )
                    if args.versioned
                    else None
                ),
            )
        )
    return rules
