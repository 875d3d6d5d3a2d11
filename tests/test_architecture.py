"""The house: a room imports only from rooms before it, none outgrows one sitting, and the walks are as drawn."""

import ast
import re
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "analysis"
MAP = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^\| (`[^|]+) \|", MAP.partition("## The rooms")[2], re.M)  # of the rooms, a row a name or two
ROOMS = [room for row in NAMES for room in re.findall(r"`(\w+)/?`", row)] + ["__main__"]
DRAWN = {("effect", "figures")}  # a result draws itself; the picture is imported when it is asked
FRONT_DOORS = {"reports", "explore", "cli", "__main__"}
FOREIGN = {"papermill", "nbconvert", "nbformat", "nbclient", "jupyter_client", "IPython", "ipykernel", "ipywidgets"}
LONGEST = 500
WALK = re.compile(r"^\d\. \*\*(.+?)\*\*(.+?)(?=^\d\. |^$)", re.M | re.S)
HOP = re.compile(r"`([\w.]+)`")


def modules() -> dict[Path, str]:
    """Every module, and the room that it is in."""
    paths = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")
    return {path: path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in paths}


def imports(path: Path) -> set[str]:
    """Names of modules that a module imports, wherever in it the import stands; what only types need left out."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_the_house_is_as_it_is_drawn():
    faults, needs = [], {room: set() for room in ROOMS}
    for path, room in modules().items():
        place = path.relative_to(SOURCE)
        if room not in ROOMS:
            faults.append(f"{place} has no place among the rooms of CONTRIBUTING.md")
            continue
        later = set(ROOMS[ROOMS.index(room) + 1 :])
        for name in imports(path):
            top, *inner = name.split(".")
            if top == "analysis" and inner and inner[0] != room:
                needs[room].add(inner[0])
                if inner[0] in later and (room, inner[0]) not in DRAWN:
                    faults.append(f"{place} imports {inner[0]}, which comes after it")
            if top in FOREIGN and room not in FRONT_DOORS:
                faults.append(f"{place} imports {top}: only {', '.join(sorted(FRONT_DOORS))} know of it")
    for path in [*modules(), *(ROOT / "data" / "recipes").glob("*.py")]:
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST:
            faults.append(f"{path.relative_to(ROOT)} has {lines} lines, more than one sitting ({LONGEST})")
    assert not faults
    assert list(TopologicalSorter(needs).static_order())  # which raises where imports form a circle


def functions(module: str) -> dict[str, str]:
    """Source of every function and method of a module, by name."""
    path = SOURCE / f"{module.replace('.', '/')}.py"
    path = path if path.is_file() else ROOT / "data" / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: ast.unparse(node) for node in ast.walk(tree) if isinstance(node, kinds)}


def test_the_walks_of_the_map_can_be_walked():
    walks = WALK.findall(MAP)
    assert len(walks) == 3
    for name, text in walks:
        told = text.partition(": ")[2]
        assert 2 <= len(HOP.findall(told)) <= 8, name
        for part in told.split("=>"):
            hops = [hop.rpartition(".") for hop in HOP.findall(part)]
            for module, _, function in hops:
                assert function in functions(module), f"{name}: no {module}.{function}"
            for (module, _, function), (*_, following) in pairwise(hops):
                calls = re.search(rf"\b{following}\b", functions(module)[function])
                assert calls, f"{name}: {module}.{function} calls no {following}"
