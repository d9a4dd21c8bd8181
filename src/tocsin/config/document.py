"""The settings file's YAML -> Given: strict where YAML 1.1 guesses, and with the line of every value."""

import re
from typing import Any

from tocsin.config.files import content
from tocsin.config.given import Given, Odd, shown
from tocsin.errors import NotPermitted, SettingsError

_DEPTH = 12  # settings need 5; aliases and deep nesting are how a small file becomes a large one
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_INT = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_ODD = re.compile(
    r"(?i:y|n|yes|no|on|off)|=|<<"  # YAML 1.1's other truths and special keys
    r"|[-+]?(?:[\d_]*\d[\d_]*\.?[\d_]*|\.[\d_]*\d[\d_]*)(?:[eE][-+]?\d+)?|[-+]?\.(?i:inf|nan)"  # octal, fractions
    r"|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|[-+]?0[xXoObB][\da-fA-F_]+"  # sexagesimal, other bases
    r"|\d{4}-\d\d?-\d\d?(?:[Tt \t].*)?",  # dates
    re.ASCII,
)
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING = ("", "~", "null", "Null", "NULL")


def read(path: str) -> Given:
    """What a settings file says. Raises SettingsError, or NotPermitted."""
    name = shown(path)
    try:
        raw = content(path)
    except PermissionError as error:
        raise NotPermitted(f"{name}: this user may not read the settings", hint="ls -l tells who may") from error
    except OSError as error:
        text = f"{name}: cannot read the settings: {error.strerror}"
        raise SettingsError(text, hint="name the file with --config or TOCSIN_CONFIG") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{name}:{line}: not UTF-8", hint="save the file as UTF-8") from error
    return parse(text, name)


def parse(text: str, name: str, *, pure: bool = False) -> Given:
    """What the text of a settings file says, its one map; `pure` does without libyaml, as where there is none."""
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise SettingsError(f"{name}:{line}: not YAML: the control character {control[0]!a}")
    import yaml

    try:
        given = _Tree(text, name, pure=pure).whole()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (
            min(mark.line, text.count("\n")) + 1 if mark else 1
        )  # libyaml ends a text that has no last LF a line later
        column = mark.column + 1 if mark else 1
        raise SettingsError(f"{name}:{line}: not YAML: column {column}: {shown(str(error.problem))}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise SettingsError(f"{name}: not YAML: {shown(str(error))}") from error
    if not isinstance(given.value, dict):
        raise given.wrong("settings are a map of keys", hint="begin with a key, as in `rules:`")
    return given


class _Tree:
    """The events of one document, put together without recursion in C and without expanding anything."""

    def __init__(self, text: str, name: str, *, pure: bool) -> None:
        import yaml

        self._events = (yaml.BaseLoader if pure else getattr(yaml, "CBaseLoader", yaml.BaseLoader))(text)
        self._name = name

    def whole(self) -> Given:
        """The one document."""
        import yaml

        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise SettingsError(f"{self._name}: the file is empty", hint="write {} to take every default")
        event = self._next()
        given = self._value(event, self._at(event), "", 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise SettingsError(f"{self._at(event)}: a second document", hint="settings are one document: drop the ---")
        return given

    def _next(self) -> Any:  # noqa: ANN401 (an event; the fields depend on its class)
        return self._events.get_event()

    def _at(self, event: Any) -> str:  # noqa: ANN401 (the same)
        return f"{self._name}:{event.start_mark.line + 1}"

    def _value(self, event: Any, origin: str, path: str, depth: int) -> Given:  # noqa: ANN401 (the same)
        import yaml

        given = Given(None, origin, path)
        if isinstance(event, yaml.AliasEvent):
            raise given.wrong(
                f"the alias *{shown(str(event.anchor))}", hint="write the value out, aliases are not read"
            )
        if getattr(event, "tag", None) is not None:
            raise given.wrong(f"the tag {shown(event.tag)}", hint="leave it out, tags are not read")
        if depth > _DEPTH:
            raise given.wrong("nested too deeply")
        if isinstance(event, yaml.SequenceStartEvent):
            return given._replace(value=self._list(given, depth))
        if isinstance(event, yaml.MappingStartEvent):
            return given._replace(value=self._map(given, depth))
        return given._replace(value=_scalar(event.value) if event.implicit[0] else event.value)

    def _list(self, given: Given, depth: int) -> list[Given]:
        import yaml

        values: list[Given] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, self._at(event), f"{given.path}[{len(values)}]", depth + 1))
        return values

    def _map(self, given: Given, depth: int) -> dict[str, Given]:
        import yaml

        values: dict[str, Given] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            place = Given(None, self._at(event), given.path)
            if not isinstance(event, yaml.ScalarEvent):
                raise place.wrong("a key that is no word")
            key = event.value
            path = given.below(shown(key))
            if key in values:
                raise Given(None, place.origin, path).wrong(f"given twice, first at {values[key].origin}")
            values[key] = self._value(self._next(), place.origin, path, depth + 1)
        return values


def _scalar(text: str) -> object:
    """What a scalar without quotes means: YAML 1.2's core, and Odd where other readers would see something else."""
    if text in _TRUTH:
        return _TRUTH[text]
    if text in _NOTHING:
        return None
    if _INT.fullmatch(text):
        return int(text)
    odd = text.isdecimal() if len(text) > 40 else _ODD.fullmatch(text)  # the pattern is slow on long texts
    return Odd(text) if odd else text
