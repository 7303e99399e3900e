"""Which messages the source can show: ids, hints and values, read from its syntax trees.

A message is made by a call such as `UserError("area.what", "text {value}", hint="…", value=value)`,
or by a function that hands its first argument on as the id.
"""

from __future__ import annotations

import ast
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CLASSES = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ConsoleError)
}
# Where the hint stands, and where the values stand as a dict (None: as keywords).
_PLACES: dict[str, tuple[int | None, int | None]] = {
    **dict.fromkeys((*_CLASSES, "__init__"), (None, None)),
    "finding": (2, None),
    "Warned": (2, 3),
    "JobFailed": (2, 4),
    "Note": (None, 2),
}
# Functions that turn one message into another and add none.
_CONVERTERS = {"finding", "warned", "_failure"}


@dataclass(frozen=True, slots=True)
class Message:
    """One place that makes a message. An id with braces or angle brackets is computed.

    `hinted` is None where that cannot be told; `values` are the names that every text can use.
    """

    where: str
    id: str
    hinted: bool | None
    values: frozenset[str]

    @property
    def computed(self) -> bool:
        """Whether the id is no plain text in the source."""
        return "{" in self.id or "<" in self.id


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """A function that makes messages of the ids it is given, and the values that it adds."""

    prefix: str
    parameters: tuple[str, ...]
    values: frozenset[str]


def fields_of(template: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def trees_of(package: Path) -> dict[str, ast.Module]:
    """The syntax tree of every module, by its path below the package."""
    return {
        path.relative_to(package).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(package.rglob("*.py"))
    }


def called(node: ast.Call) -> str:
    """The last part of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Every call of one of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in names:
            yield node


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Every function, methods and nested ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def messages(trees: Mapping[str, ast.Module]) -> list[Message]:
    """Every message of these modules, one for each id that a call can have."""
    own = {name: dict(_wrappers(tree)) for name, tree in trees.items()}
    return [
        message
        for name, tree in trees.items()
        for message in _Reader(name, tree, _imported(tree, own) | own[name]).messages()
    ]


def _imported(tree: ast.Module, own: Mapping[str, dict[str, _Wrapper]]) -> dict[str, _Wrapper]:
    """The wrappers of other modules that this one imports by name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = "/".join(node.module.split(".")[1:]) + ".py"
            for alias in node.names:
                if alias.name in own.get(path, {}):
                    found[alias.asname or alias.name] = own[path][alias.name]
    return found


def _keywords(call: ast.Call) -> frozenset[str]:
    return frozenset(entry.arg for entry in call.keywords if entry.arg) - {"hint"}


def _wrappers(tree: ast.Module) -> Iterator[tuple[str, _Wrapper]]:
    for function in functions(tree):
        parameters = tuple(entry.arg for entry in (*function.args.posonlyargs, *function.args.args))
        for call in calls(function, *_CLASSES):
            match call.args[:1]:
                case [ast.Name(id=name)] if parameters[:1] == (name,):
                    yield function.name, _Wrapper("", parameters, _keywords(call))
                case [
                    ast.JoinedStr(
                        values=[
                            ast.Constant(value=str(prefix)),
                            ast.FormattedValue(value=ast.Name(id=name)),
                        ]
                    )
                ] if parameters[:1] == (name,):
                    yield function.name, _Wrapper(prefix, parameters, _keywords(call))


def _assigned(tree: ast.AST) -> dict[str, ast.expr]:
    """What each name was last set to."""
    return {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


class _Reader:
    """Reads the calls of one module."""

    def __init__(self, name: str, tree: ast.Module, wrappers: dict[str, _Wrapper]) -> None:
        self._name = name
        self._wrappers = wrappers
        makers = {*wrappers, *_CONVERTERS}
        self._scopes: dict[ast.Call, ast.AST] = {
            call: scope
            for scope in (tree, *functions(tree))
            for call in calls(scope, *_PLACES, *wrappers)
            if getattr(scope, "name", None) not in makers
        }
        inside = {
            call
            for scope in functions(tree)
            if scope.name in makers
            for call in calls(scope, *_PLACES)
        }
        self._calls = [
            call
            for call in self._scopes
            if call not in inside and call.args and not self._is_bare_init(call)
        ]
        self._globals = {
            name: value for name, value in _assigned(tree).items() if name.upper() == name
        }

    @staticmethod
    def _is_bare_init(call: ast.Call) -> bool:
        return called(call) == "__init__" and not isinstance(call.args[0], ast.Constant)

    def messages(self) -> Iterator[Message]:
        """Every message of the module."""
        for call in self._calls:
            names = self._globals | _assigned(self._scopes[call])
            wrapper = self._wrappers.get(called(call))
            head = call.args[0]
            tests = [(ast.dump(head.test), truth) for truth in (True, False)] if isinstance(
                head, ast.IfExp
            ) else [("", True)]  # fmt: skip
            for test in tests:
                for text in _texts(head, names, test) or (f"<{ast.unparse(head)}>",):
                    hints = self._hints(call, wrapper, names, test)
                    yield Message(
                        where=f"{self._name}:{call.lineno}",
                        id=(wrapper.prefix if wrapper else "") + text,
                        hinted=None if hints is None else any(hints),
                        values=self._values(call, wrapper, names),
                    )

    def _hints(
        self,
        call: ast.Call,
        wrapper: _Wrapper | None,
        names: Mapping[str, ast.expr],
        test: tuple[str, bool],
    ) -> tuple[str, ...] | None:
        place = wrapper.parameters.index("hint") if wrapper else _PLACES[called(call)][0]
        node = _argument(call, "hint", place)
        return ("",) if node is None else _texts(node, names, test)

    def _values(
        self, call: ast.Call, wrapper: _Wrapper | None, names: Mapping[str, ast.expr]
    ) -> frozenset[str]:
        if wrapper:
            return _keywords(call) | wrapper.values
        place = _PLACES[called(call)][1]
        if place is None:
            spread = [entry.value for entry in call.keywords if entry.arg is None]
            # What a call spreads that is no plain dict is at least what its English text takes.
            english = _texts(call.args[1], names, ("", True)) if spread else ()
            filled = {name for text in english or () for name in fields_of(text)}
            return _keywords(call).union(filled, *(_keys(node, names) for node in spread))
        node = _argument(call, "args", place)
        return frozenset() if node is None else _keys(node, names)


def _argument(call: ast.Call, name: str, place: int | None) -> ast.expr | None:
    named = [entry.value for entry in call.keywords if entry.arg == name]
    if named:
        return named[0]
    return call.args[place] if place is not None and len(call.args) > place else None


def _keys(node: ast.expr, names: Mapping[str, ast.expr]) -> frozenset[str]:
    """The keys of a dict that stands here, or under this name."""
    if isinstance(node, ast.Name):
        node = names.get(node.id, node)
    if isinstance(node, ast.Dict):
        return frozenset(str(key.value) for key in node.keys if isinstance(key, ast.Constant))
    return frozenset()


def _texts(
    node: ast.expr, names: Mapping[str, ast.expr], test: tuple[str, bool]
) -> tuple[str, ...] | None:
    """The texts that an expression can be, None where that cannot be told.

    F-strings keep their expressions in braces. `test` is a condition whose outcome is known.
    """
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.JoinedStr(values=parts):
            return (
                "".join(
                    f"{{{ast.unparse(part.value)}}}"
                    if isinstance(part, ast.FormattedValue)
                    else ast.literal_eval(part)
                    for part in parts
                ),
            )
        case ast.Name(id=name) if name in names and names[name] is not node:
            return _texts(names[name], {k: v for k, v in names.items() if k != name}, test)
        case ast.IfExp():
            parts = [node.body, node.orelse]
            if ast.dump(node.test) == test[0]:
                parts = [parts[not test[1]]]
            found = [_texts(part, names, test) for part in parts]
            return None if None in found else tuple(text for texts in found for text in texts or ())
        case ast.BinOp(op=ast.Add()):
            left, right = _texts(node.left, names, test), _texts(node.right, names, test)
            known = left is not None and right is not None
            return tuple(a + b for a in left or () for b in right or ()) if known else None
        case ast.BinOp(left=left, op=ast.Mult()):
            return ("", *(_texts(left, names, test) or ()))
    return None
