"""Property values on the wire and in Python.

The engine sends properties as protobuf Structs in which secrets, assets and not yet known values are marked by
signatures. In Python: plain values; `UNKNOWN` for what is known only after an update; `Asset` for files. Secrets are
unwrapped, and the paths they stood at are kept beside the values so that they are wrapped again on the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, Struct, Value

Properties = dict[str, Any]
"""Property name → plain value, `UNKNOWN`, or `Asset`."""
Path = tuple[str | int, ...]
"""Where a value stands: keys of objects and indices of lists."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_TEXTS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # text
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """The one value that is known only after the update; compare with `is UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file, text or archive given to a resource. Two with the same hash are the same."""

    signature: str
    hash: str
    text: str | None = None
    path: str | None = None
    uri: str | None = None
    assets: Mapping[str, Any] | None = None

    def read(self) -> bytes:
        """The content of a text or file asset; errors: OSError when its file can't be read."""
        if self.text is not None:
            return self.text.encode()
        if self.path is not None:
            from pathlib import Path as FilePath

            return FilePath(self.path).read_bytes()
        raise OSError(f"an asset at {self.uri!r} can't be read here; allowed: text and file assets")


@dataclass(kw_only=True)
class Decoded:
    """The values of one Struct, and where its secrets stood."""

    values: Properties
    secrets: set[Path] = field(default_factory=set)


def decode(message: Struct) -> Decoded:
    """The values of a Struct, with secrets unwrapped and their paths kept."""
    decoded = Decoded(values={})
    for key, value in message.fields.items():
        decoded.values[key] = _value(value, (key,), decoded.secrets)
    return decoded


def _value(message: Value, path: Path, secrets: set[Path]) -> Any:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        text = message.string_value
        return UNKNOWN if text in _UNKNOWN_TEXTS else text
    if kind == "number_value":
        number = message.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return message.bool_value
    if kind == "list_value":
        return [_value(item, (*path, index), secrets) for index, item in enumerate(message.list_value.values)]
    if kind == "struct_value":
        return _object(message.struct_value, path, secrets)
    return None


def _object(message: Struct, path: Path, secrets: set[Path]) -> Any:
    fields = message.fields
    if SIGNATURE not in fields:
        return {key: _value(value, (*path, key), secrets) for key, value in fields.items()}
    signature = fields[SIGNATURE].string_value
    if signature == SECRET:
        secrets.add(path)
        return _value(fields["value"], path, secrets)
    if signature == OUTPUT:
        if "secret" in fields and fields["secret"].bool_value:
            secrets.add(path)
        return _value(fields["value"], path, secrets) if "value" in fields else UNKNOWN
    if signature == RESOURCE:
        return _value(fields["id"], path, secrets) if "id" in fields else UNKNOWN
    inner: Properties = {key: _value(value, path, secrets) for key, value in fields.items() if key != SIGNATURE}
    if signature in (ASSET, ARCHIVE):
        return Asset(
            signature=signature,
            hash=str(inner.get("hash", "")),
            text=inner.get("text"),
            path=inner.get("path"),
            uri=inner.get("uri"),
            assets=inner.get("assets"),
        )
    return inner


def encode(values: Mapping[str, Any], secrets: Iterable[Path] = ()) -> Struct:
    """A Struct of these values; what stands at a path of `secrets` is wrapped as a secret.

    A path that no longer exists (a list that got shorter, a normalised object) makes its whole property secret.
    """
    message = Struct()
    wrapped = {_existing(values, path) for path in secrets if path and path[0] in values}
    for key, value in values.items():
        _write(message.fields[key], value, (key,), wrapped)
    return message


def _existing(values: Mapping[str, Any], path: Path) -> Path:
    current: Any = values
    for step in path:
        try:
            current = current[step]
        except (KeyError, IndexError, TypeError):
            return path[:1]
    return path


def _write(message: Value, value: Any, path: Path, secrets: set[Path]) -> None:
    if path in secrets:
        message.struct_value.fields[SIGNATURE].string_value = SECRET
        _write_plain(message.struct_value.fields["value"], value, path, secrets)
    else:
        _write_plain(message, value, path, secrets)


def _write_plain(message: Value, value: Any, path: Path, secrets: set[Path]) -> None:
    if value is None:
        message.null_value = 0
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif value is UNKNOWN:
        message.string_value = UNKNOWN_TEXT
    elif isinstance(value, Asset):
        _write_asset(message.struct_value, value)
    elif isinstance(value, Mapping):
        message.struct_value.SetInParent()
        for key, item in value.items():
            _write(message.struct_value.fields[str(key)], item, (*path, str(key)), secrets)
    elif isinstance(value, list | tuple | set | frozenset):
        message.list_value.CopyFrom(ListValue())
        for index, item in enumerate(value):
            _write(message.list_value.values.add(), item, (*path, index), secrets)
    else:
        raise TypeError(f"property {'.'.join(map(str, path))} is a {type(value).__name__}; allowed: what JSON can hold")


def _write_asset(message: Struct, asset: Asset) -> None:
    message.fields[SIGNATURE].string_value = asset.signature
    message.fields["hash"].string_value = asset.hash
    for name in ("text", "path", "uri"):
        text = getattr(asset, name)
        if text is not None:
            message.fields[name].string_value = text
    if asset.assets is not None:
        _write_plain(message.fields["assets"], asset.assets, ("assets",), set())


def holds_unknown(value: Any) -> bool:
    """Whether a value, or anything in it, is known only after the update."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(holds_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(holds_unknown(item) for item in value)
    return False
