"""One number for some jobs in a stack's file, and not a sign more: ruamel.yaml says where, the text is spliced there.

Whatever else the file holds stays byte for byte: comments, quotes, odd indentation. The result is read again and
compared with what was meant; a file whose form doesn't allow that (an anchor used elsewhere, say) is refused.
"""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from components.settings import SETTING_KEYS
from jobs import conventions
from jobs.problems import Problem, Problems

JOBS_KEY: Final = f"{conventions.PROJECT}:jobs"
assert "jobs" in SETTING_KEYS
_PLAIN: Final = re.compile(r"[a-z][a-z0-9:_-]*")
_STEP: Final = 2


def path_of(job: str) -> tuple[str, ...]:
    """Keys from the file's root to a job's memory."""
    return ("config", JOBS_KEY, job, "resources", "memory_mib")


def edited(text: str, memory_mib: Mapping[str, int], *, file: str) -> str:
    """The file's text with `batchyard:jobs.<job>.resources.memory_mib` as given for each job. Raises Problems."""
    for job, mib in sorted(memory_mib.items()):
        path = path_of(job)
        before = _read(text, file)
        changed = _splice(text, path, mib, file)
        if not _means(changed, _with(before, path, mib), file):
            raise _refused(
                file,
                path,
                "written so that one change of it changes more",
                f"write {mib} there by hand, in a block of the job's own without `&`, `*` and `<<`",
            )
        text = changed
    return text


def edited_as_far_as_possible(text: str, memory_mib: Mapping[str, int], *, file: str) -> tuple[str, list[Problem]]:
    """As `edited`, job by job: what can't be written for one job is a problem beside the text, and the others are."""
    refused: list[Problem] = []
    for job, mib in sorted(memory_mib.items()):
        try:
            text = edited(text, {job: mib}, file=file)
        except Problems as problems:
            refused += problems
    return text, refused


def diff(old: str, new: str, *, file: str) -> str:
    """Unified, as `patch -p1` takes it; empty where nothing changes."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{file}", f"b/{file}", n=3
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def replace_file(file: Path, old: str, new: str) -> None:
    """Put `new` in the place of `old`, whole or not at all, with the file's permissions.

    Raises Problems when the file isn't `old` any more, OSError when it can't be written.
    """
    target = file.resolve()
    handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(new.encode())
            out.flush()
            os.fsync(out.fileno())
        Path(part).chmod(target.stat().st_mode & 0o7777)
        if read_text(target) != old:
            raise Problems(
                [
                    Problem(
                        place=file.name,
                        got="changed since it was read",
                        allowed="only what was shown is written",
                        remedy="run the command again",
                    )
                ]
            )
        Path(part).replace(target)
    finally:
        Path(part).unlink(missing_ok=True)


def read_text(file: Path) -> str:
    """With its line ends as they are."""
    return file.read_bytes().decode("utf-8")


def _splice(text: str, path: tuple[str, ...], mib: int, file: str) -> str:
    try:
        node = YAML().compose(text)
    except YAMLError as error:
        raise _unreadable(file, error) from None
    ends = "\r\n" if "\r\n" in text else "\n"
    for depth, key in enumerate(path):
        if not isinstance(node, MappingNode):
            raise _refused(file, path[:depth], "no mapping", "write it as a mapping of keys")
        pair = next((one for one in node.value if one[0].value == key), None)
        if pair is None:
            return _added(text, node, path[depth:], mib, ends)
        child = pair[1]
        last = depth == len(path) - 1
        if last and isinstance(child, ScalarNode):
            begin, end = _span(text, pair[0], child)
            return f"{text[:begin]}{' ' if begin == end else ''}{mib}{text[end:]}"
        if not last and _is_nothing(child):
            begin, end = _span(text, pair[0], child)
            indent = pair[0].start_mark.column
            if node.flow_style:
                return f"{text[:begin]} {_flow(path[depth + 1 :], mib)}{text[end:]}"
            # `key:`, `key: ~` or `key: {}`: what is nothing makes room for the lines below the key
            written = _block(path[depth + 1 :], mib, indent + _STEP, ends)
            at = _line_end(text, end)
            return f"{text[:begin].rstrip(' ')}{text[end:at]}{ends}{written.rstrip(ends)}{text[at:]}"
        node = child
    raise _refused(file, path, "no number", "write it as a number of MiB")


def _added(text: str, mapping: MappingNode, keys: tuple[str, ...], mib: int, ends: str) -> str:
    """`keys` put into a mapping that hasn't the first of them: at the end of a block, at the beginning of braces."""
    if mapping.flow_style:
        at = text.index("{", mapping.start_mark.index) + 1
        return f"{text[:at]}{_flow(keys, mib)[1:-1]}{', ' if mapping.value else ''}{text[at:]}"
    indent = mapping.value[0][0].start_mark.column
    at = _line_end(text, _content_end(text, mapping))
    return f"{text[:at]}{ends}{_block(keys, mib, indent, ends).rstrip(ends)}{text[at:]}"


def _content_end(text: str, node: Node) -> int:
    """Where the last thing of a node ends; a block's own mark is only at what follows it."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        key, value = node.value[-1]
        return _span(text, key, value)[1] if _is_empty(value) else _content_end(text, value)
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _content_end(text, node.value[-1])
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return int(node.end_mark.index) - 1
    return int(node.end_mark.index)


def _span(text: str, key: Node, value: Node) -> tuple[int, int]:
    """Where a value stands; one of no signs stands behind its key's colon, not where what follows begins."""
    if _is_empty(value):
        at = text.index(":", key.end_mark.index) + 1
        return at, at
    return int(value.start_mark.index), int(value.end_mark.index)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value == "" and not node.style


def _line_end(text: str, index: int) -> int:
    at = text.find("\n", index)
    if at < 0:
        return len(text)
    return at - 1 if at > 0 and text[at - 1] == "\r" else at


def _is_nothing(node: Node) -> bool:
    if isinstance(node, MappingNode):
        return not node.value
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null" and node.anchor is None


def _block(keys: tuple[str, ...], mib: int, indent: int, ends: str) -> str:
    lines = [f"{' ' * (indent + _STEP * n)}{_key(key)}:{ends}" for n, key in enumerate(keys[:-1])]
    return "".join(lines) + f"{' ' * (indent + _STEP * (len(keys) - 1))}{_key(keys[-1])}: {mib}{ends}"


def _flow(keys: tuple[str, ...], mib: int) -> str:
    return str(mib) if not keys else f"{{{_key(keys[0])}: {_flow(keys[1:], mib)}}}"


def _key(key: str) -> str:
    """Quoted where YAML would read something else, such as a job named `on` or `null`."""
    plain = _PLAIN.fullmatch(key) and key not in ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
    return key if plain else f'"{key}"'


def _read(text: str, file: str) -> Any:
    try:
        return _copied(YAML(typ="safe", pure=True).load(text))
    except YAMLError as error:
        raise _unreadable(file, error) from None


def _means(text: str, value: Any, file: str) -> bool:
    try:
        return bool(_read(text, file) == value)
    except Problems:
        return False  # the place held an anchor that others name


def _copied(value: Any) -> Any:
    """Without what aliases share, so that a change in one place shows in the other."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _with(value: Any, path: tuple[str, ...], mib: int) -> Any:
    if not path:
        return mib
    held = value if isinstance(value, dict) else {}
    return {**held, path[0]: _with(held.get(path[0]), path[1:], mib)}


def _unreadable(file: str, error: YAMLError) -> Problems:
    said = str(getattr(error, "problem", None) or error).splitlines()[0]
    return Problems([Problem(place=file, got=f"no YAML ({said})", allowed="it is one mapping", remedy="mend it first")])


def _refused(file: str, path: tuple[str, ...], got: str, remedy: str) -> Problems:
    place = f"{file}: {'.'.join(path)}" if path else file
    return Problems([Problem(place=place, got=got, allowed="one number is changed and nothing else", remedy=remedy)])
