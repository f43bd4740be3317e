"""A resource's whole life through the plugin: create, read, no difference, update, read, import, delete, gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.unit.local.providers.aws.plugin import Plugin, Values

NO_CHANGE = 1  # DiffResponse.DIFF_NONE


@dataclass(frozen=True, kw_only=True)
class Life:
    """One type's life: the inputs it starts with, and what an update changes."""

    token: str
    inputs: Values
    changes: Values = field(default_factory=dict)  # inputs that differ in the second program; None takes one out
    replaces: tuple[str, ...] = ()  # of the changed properties, those that replace
    import_id: str | None = None  # where the text of an import isn't the id; {…} are outputs
    name: str = "thing"
    imports: bool = True  # False where what was asked for can't be read back

    @property
    def short(self) -> str:
        return self.token.rpartition(":")[2]


@dataclass
class Object:
    """A resource as the engine would hold it, with the calls it would make."""

    plugin: Plugin
    token: str
    name: str
    id: str
    inputs: Values
    state: Values

    @classmethod
    def make(cls, plugin: Plugin, token: str, inputs: Values, name: str = "thing") -> Object:
        checked = plugin.check(token, name, inputs)
        resource_id, state = plugin.create(token, name, checked)
        return cls(plugin=plugin, token=token, name=name, id=resource_id, inputs=checked, state=state)

    def diff(self, inputs: Values) -> Any:
        """What the plugin says of a program with these inputs."""
        checked = self.plugin.check(self.token, self.name, inputs, self.inputs)
        return self.plugin.diff(self.token, self.name, self.id, self.state, checked, self.inputs)

    def update(self, inputs: Values) -> None:
        checked = self.plugin.check(self.token, self.name, inputs, self.inputs)
        self.state = self.plugin.update(self.token, self.name, self.id, self.state, checked, self.inputs)
        self.inputs = checked

    def refresh(self) -> bool:
        """Takes over what the service says; False when it is gone."""
        found = self.plugin.read(self.token, self.name, self.id, self.state, self.inputs)
        if found is None:
            return False
        _, self.state, self.inputs = found
        return True

    def delete(self) -> None:
        self.plugin.delete(self.token, self.name, self.id, self.state)


def live(plugin: Plugin, life: Life) -> None:
    """Runs through a life, with an assertion at every turn."""
    made = Object.make(plugin, life.token, life.inputs, life.name)
    assert made.id
    assert made.state["id"] == made.id
    _settled(made, life.inputs, "after create")

    changed = _changed(life.inputs, life.changes)
    if life.changes:
        difference = made.diff(changed)
        expected = set(life.changes) | ({"tagsAll"} if "tags" in life.changes else set())
        assert set(difference.diffs) == expected
        assert tuple(difference.replaces) == life.replaces
        if not life.replaces:
            made.update(changed)
            _settled(made, changed, "after update")
    if life.imports:
        _imports(plugin, life, made)

    made.delete()
    assert plugin.read(life.token, life.name, made.id, made.state, made.inputs) is None
    made.delete()  # what is gone already is a success


def _changed(inputs: Values, changes: Values) -> Values:
    return {key: value for key, value in {**inputs, **changes}.items() if value is not None}


def _settled(made: Object, program: Values, when: str) -> None:
    assert _differences(made.diff(program)) == [], when
    before = dict(made.state)
    assert made.refresh(), f"{when}: the service doesn't know it"
    assert made.state == before, f"{when}: a refresh shows drift"
    assert _differences(made.diff(program)) == [], f"{when} and a refresh"


def _imports(plugin: Plugin, life: Life, made: Object) -> None:
    text = life.import_id.format(**made.state) if life.import_id else made.id
    found = plugin.read(life.token, life.name, text)
    assert found is not None, f"{text} can't be imported"
    imported_id, state, inputs = found
    answer = plugin.diff(life.token, life.name, imported_id, state, made.inputs, inputs)
    not_read = {"forceDestroy", "forceDelete", "deregisterOnNewRevision", "skipDestroy"}
    assert [path for path in _differences(answer) if path not in not_read] == []


def _differences(answer: Any) -> list[str]:
    assert (answer.changes == NO_CHANGE) == (not answer.detailedDiff)
    return sorted(answer.detailedDiff)
