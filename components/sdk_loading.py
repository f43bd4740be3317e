"""Loads of the SDK's packages what a stage uses: a name's own module instead of all of its package's.

`pulumi_aws.ec2` alone is 180 modules, of which a stage uses a dozen; reading all of them is a good part of a preview.
The packages stay what they are: a name that has no module of its own loads the whole package.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

PACKAGE: Final = re.compile(r"pulumi_aws\.[a-z0-9]+_?|pulumi_docker")
"""Packages read this way: a service of the AWS SDK, and the Docker SDK whole."""
_INPUTS: Final = "_inputs"
_NEW_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _Loader(importlib.abc.Loader):
    """Gives a package its `__getattr__` and leaves the rest for when it is asked for."""

    def __init__(self, whole: importlib.abc.Loader, folder: Path) -> None:
        self._whole = whole
        self._folder = folder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:  # noqa: ARG002
        return None  # the import system makes it

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = self._names_of(module)

    def _names_of(self, module: ModuleType) -> Callable[[str], Any]:
        def find(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            for home in (module_name(name), _INPUTS):
                if self._is_module(home):
                    defined = vars(importlib.import_module(f"{module.__name__}.{home}"))
                    if name in defined:
                        # over the module of the same name, as the whole package has it: `get_token`
                        module.__dict__[name] = defined[name]
                        return defined[name]
            if self._is_module(name):
                return importlib.import_module(f"{module.__name__}.{name}")
            return self._from_whole(module, name)

        return find

    def _is_module(self, name: str) -> bool:
        return (self._folder / f"{name}.py").is_file()

    def _from_whole(self, module: ModuleType, name: str) -> Any:
        module.__dict__.pop("__getattr__", None)
        self._whole.exec_module(module)
        return getattr(module, name)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if PACKAGE.fullmatch(fullname) is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or not spec.submodule_search_locations:
            return spec
        spec.loader = _Loader(spec.loader, Path(next(iter(spec.submodule_search_locations))))
        return spec


def load_by_name() -> None:
    """From here on the SDK's packages are read name by name. Those already loaded stay as they are."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def module_name(name: str) -> str:
    """Where the SDK's generator puts a name: `LaunchTemplate` → `launch_template`; `get_token_output` → `get_token`."""
    return _NEW_WORD.sub("_", name).lower().removesuffix("_output")
