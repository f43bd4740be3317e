"""Data Firehose's S3 destination: Pulumi's names on the left, Firehose's on the right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.providers.aws.shapes import Field, block, blocks, from_service, pascal, to_service

DESTINATION_DEFAULTS: Mapping[str, Any] = {
    "bufferingInterval": 300,
    "bufferingSize": 5,
    "compressionFormat": "UNCOMPRESSED",
    "s3BackupMode": "Disabled",
}

_LOGGING = pascal("enabled", "logGroupName", "logStreamName")
_PROCESSING = pascal(
    "enabled",
    processors=blocks(
        "Processors", pascal("type", parameters=blocks("Parameters", pascal("parameterName", "parameterValue")))
    ),
)
_SCHEMA = pascal("catalogId", "databaseName", "region", "tableName", "versionId", roleArn="RoleARN")
_OPEN_X_JSON = pascal("caseInsensitive", "columnToJsonKeyMappings", "convertDotsInJsonKeysToUnderscores")
_FORMAT_CONVERSION = pascal(
    "enabled",
    schemaConfiguration=block("SchemaConfiguration", _SCHEMA),
    inputFormatConfiguration=block(
        "InputFormatConfiguration",
        pascal(
            deserializer=block(
                "Deserializer",
                pascal(
                    hiveJsonSerDe=block("HiveJsonSerDe", pascal("timestampFormats")),
                    openXJsonSerDe=block("OpenXJsonSerDe", _OPEN_X_JSON),
                ),
            )
        ),
    ),
    outputFormatConfiguration=block(
        "OutputFormatConfiguration",
        pascal(
            serializer=block(
                "Serializer",
                pascal(
                    orcSerDe=block(
                        "OrcSerDe", pascal("blockSizeBytes", "compression", "formatVersion", "rowIndexStride")
                    ),
                    parquetSerDe=block(
                        "ParquetSerDe",
                        pascal("blockSizeBytes", "compression", "pageSizeBytes", "writerVersion", "maxPaddingBytes"),
                    ),
                ),
            )
        ),
    ),
)
_S3 = pascal(
    "prefix",
    "errorOutputPrefix",
    "compressionFormat",
    bucketArn="BucketARN",
    roleArn="RoleARN",
    cloudwatchLoggingOptions=block("CloudWatchLoggingOptions", _LOGGING),
    kmsKeyArn=Field(
        name="EncryptionConfiguration",
        encode=lambda key: {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}},
        decode=lambda answer: answer.get("KMSEncryptionConfig", {}).get("AWSKMSKeyARN", ""),
    ),
)
_EXTENDED_S3 = {
    **_S3,
    **pascal(
        "customTimeZone",
        "fileExtension",
        "s3BackupMode",
        dataFormatConversionConfiguration=block("DataFormatConversionConfiguration", _FORMAT_CONVERSION),
        dynamicPartitioningConfiguration=Field(
            name="DynamicPartitioningConfiguration",
            encode=lambda value: {
                "Enabled": bool(value.get("enabled")),
                "RetryOptions": {"DurationInSeconds": int(value.get("retryDuration", 300))},
            },
            decode=lambda answer: {
                "enabled": answer.get("Enabled", False),
                "retryDuration": answer.get("RetryOptions", {}).get("DurationInSeconds", 300),
            },
        ),
        processingConfiguration=block("ProcessingConfiguration", _PROCESSING),
    ),
}


def destination_to_service(value: Mapping[str, Any], *, updating: bool) -> dict[str, Any]:
    """An ExtendedS3DestinationConfiguration (or …Update) from Pulumi's `extendedS3Configuration`."""
    out = to_service(_EXTENDED_S3, value)
    out["BufferingHints"] = _hints(value)
    backup = value.get("s3BackupConfiguration")
    if backup is not None:
        name = "S3BackupUpdate" if updating else "S3BackupConfiguration"
        out[name] = {**to_service(_S3, backup), "BufferingHints": _hints(backup)}
    if updating:
        # an update merges: what the program no longer names has to be switched off explicitly
        out.setdefault("Prefix", "")
        out.setdefault("ErrorOutputPrefix", "")
        out.setdefault("DataFormatConversionConfiguration", {"Enabled": False})
        out.setdefault("ProcessingConfiguration", {"Enabled": False, "Processors": []})
        out.setdefault("CloudWatchLoggingOptions", {"Enabled": False})
        out.setdefault("EncryptionConfiguration", {"NoEncryptionConfig": "NoEncryption"})
    return out


def destination_from_service(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Pulumi's `extendedS3Configuration` from an ExtendedS3DestinationDescription."""
    out = _with_hints(from_service(_EXTENDED_S3, answer), answer)
    backup = answer.get("S3BackupDescription")
    if backup is not None:
        out["s3BackupConfiguration"] = _with_hints(from_service(_S3, backup), backup)
    return out


def _hints(value: Mapping[str, Any]) -> dict[str, int]:
    return {
        "SizeInMBs": int(value.get("bufferingSize", 5)),
        "IntervalInSeconds": int(value.get("bufferingInterval", 300)),
    }


def _with_hints(out: dict[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    hints = answer.get("BufferingHints", {})
    out["bufferingSize"] = hints.get("SizeInMBs", 5)
    out["bufferingInterval"] = hints.get("IntervalInSeconds", 300)
    return out
