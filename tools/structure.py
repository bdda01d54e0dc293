"""Print the size and shape of the package: modules, lines, names that are used twice, import cycles.

    python tools/structure.py [--names] [--root src/munseo]

``docs/design.md`` quotes these figures, and ``tests/docs/test_structure.py`` holds the package to the limits below.
Nothing is imported from the package, so the same script measures any older checkout.
"""

from __future__ import annotations

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHORT_LINES = 40
LONG_LINES = 450
LIMITS = {
    "modules": 390,
    "lines": 53_000,
    "files with a name in -ing": 10,
    "class names used twice": 0,
    "modules under 40 lines": 25,
    "files over 450 lines": 0,
    "import cycles between files": 0,
    "rooms without a test folder": 0,
}


@dataclass(frozen=True)
class Module:
    """One source file.

    Attributes:
        name: Dotted name, such as ``munseo._data.page``.
        path: The file.
        num_lines: Lines of the file, blank ones included.
        classes: Names of the classes at its top level.
        imports: Dotted names that its import statements mention, those inside functions included.
    """

    name: str
    path: Path
    num_lines: int
    classes: tuple[str, ...]
    imports: frozenset[str]


def read_modules(root: Path) -> list[Module]:
    """Read every Python file below ``root``, which is the package's folder."""
    return [_read(path, root) for path in sorted(root.rglob("*.py"))]


def _read(path: Path, root: Path) -> Module:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    parts = path.relative_to(root.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    classes = tuple(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    return Module(name, path, len(source.splitlines()), classes, frozenset(_imports(tree)))


def _imports(node: ast.AST) -> Iterator[str]:
    """Every import below a node. Those for type checkers alone are never executed, and are left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from _imports(child)


def find_cycles(modules: list[Module]) -> list[list[str]]:
    """Groups of files that import each other, by Tarjan's algorithm ("Depth-first search", 1972)."""
    names = {module.name for module in modules}
    graph = {module.name: sorted(_targets(module, names)) for module in modules}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in graph[name]:
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            place = stack.index(name)
            group = stack[place:]
            del stack[place:]
            if len(group) > 1:
                cycles.append(sorted(group))

    for name in graph:
        if name not in index:
            visit(name)
    return cycles


def _targets(module: Module, names: set[str]) -> set[str]:
    """Files that a module imports: ``from a import b`` means the module ``a.b`` if there is one, else ``a``."""
    found = {name if name in names else name.rpartition(".")[0] for name in module.imports}
    return found & names - {module.name}


def used_twice(modules: list[Module]) -> dict[str, list[str]]:
    """Class names that several files define, private ones included."""
    owners: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for name in module.classes:
            owners[name].append(module.name)
    return {name: found for name, found in sorted(owners.items()) if len(found) > 1}


def measure(root: Path, tests: Path | None = None) -> dict[str, list[str] | int]:
    """Measure a package. Every entry is a count, or the list of what is counted.

    Args:
        root: The package's folder.
        tests: The folder of its tests; by default ``tests`` beside ``src``.
    """
    modules = read_modules(root)
    tests = tests or root.parents[1] / "tests"
    relative = {module.name: str(module.path.relative_to(root)) for module in modules}
    files = [module for module in modules if module.path.name not in ("__init__.py", "__main__.py")]
    rooms = sorted(path.parent.name.removeprefix("_") for path in root.glob("*/__init__.py"))
    return {
        "modules": len(modules),
        "lines": sum(module.num_lines for module in modules),
        "files with a name in -ing": [relative[m.name] for m in files if m.path.stem.endswith("ing")],
        "class names used twice": [f"{name}: {', '.join(owners)}" for name, owners in used_twice(modules).items()],
        "modules under 40 lines": [f"{relative[m.name]} ({m.num_lines})" for m in files if m.num_lines < SHORT_LINES],
        "files over 450 lines": [f"{relative[m.name]} ({m.num_lines})" for m in files if m.num_lines > LONG_LINES],
        "import cycles between files": [" <-> ".join(group) for group in find_cycles(modules)],
        "rooms without a test folder": [room for room in rooms if not (tests / room).is_dir()],
    }


def main() -> None:
    """Print the figures, and with ``--names`` what they count."""
    parser = argparse.ArgumentParser(description="Print the size and shape of the package.")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1] / "src" / "munseo")
    parser.add_argument("--names", action="store_true", help="also list what is counted")
    options = parser.parse_args()
    for title, found in measure(options.root).items():
        count = found if isinstance(found, int) else len(found)
        print(f"{title:32} {count:>7,}   (limit {LIMITS[title]:,})")
        if options.names and not isinstance(found, int):
            print("".join(f"    {line}\n" for line in found), end="")


if __name__ == "__main__":
    main()
