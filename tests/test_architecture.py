"""The house: a room imports only from rooms before it, none outgrows one sitting, and the walks are as drawn."""

import ast
import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "analysis"
ROOMS = [
    "errors",
    "places",
    "days",
    "tables",
    "pauses",
    "series",
    "expected",
    "windows",
    "placebo",
    "words",
    "evidence_words",
    "vocabulary",
    "effect",
    "estimate",
    "joint",
    "figures",
    "setting",
    "plan",
    "quiet",
    "sirens",
    "launches",
    "measures",
    "campaigns",
    "energy",
    "specifications",
    "choices",
    "record",
    "scorecard",
    "together",
    "replay",
    "machine",
    "storyboard",
    "panels",
    "calibration",
    "reports",
    "explore",
    "cli",
    "__main__",
]
FRONT_DOORS = {"reports", "explore", "cli", "__main__"}
FOREIGN = {"papermill", "nbconvert", "nbformat", "nbclient", "jupyter_client", "IPython", "ipykernel", "ipywidgets"}
LONGEST = 500
WALK = re.compile(r"^\d\. \*\*(.+?)\*\*(.+?)(?=^\d\. |^$)", re.M | re.S)
HOP = re.compile(r"`([\w.]+)`")


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def imports(path: Path):
    """Names of modules that a module imports, wherever in it the import stands; what only types need left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def faults():
    """Everything that is not as the house is drawn, in words."""
    for path in modules():
        room, place = room_of(path), str(path.relative_to(SOURCE))
        if room not in ROOMS:
            yield f"{place} has no place in the list of rooms"
            continue
        later = set(ROOMS[ROOMS.index(room) + 1 :])
        for name in imports(path):
            top, *inner = name.split(".")
            if top == "analysis" and inner and inner[0] in later and (room, inner[0]) not in DRAWN:
                yield f"{place} imports {inner[0]}, which comes after it"
            if top in FOREIGN and room not in FRONT_DOORS:
                yield f"{place} imports {top}: only {', '.join(sorted(FRONT_DOORS))} know of it"
    for path in [*modules(), *sorted((ROOT / "data" / "recipes").glob("*.py"))]:
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST:
            yield f"{path.relative_to(ROOT)} has {lines} lines, more than one sitting ({LONGEST})"


DRAWN = {("effect", "figures")}  # a result draws itself; the picture is imported when it is asked


def test_the_house_is_as_it_is_drawn():
    assert not list(faults())


def test_imports_form_no_circle():
    after = {room: set() for room in ROOMS}
    for path in modules():
        for name in imports(path):
            top, *inner = name.split(".")
            if top == "analysis" and inner and inner[0] != room_of(path):
                after[room_of(path)].add(inner[0])
    done: list[str] = []
    while rest := [room for room in ROOMS if room not in done]:
        free = [room for room in rest if not after[room] - set(done)]
        assert free, f"a circle among {rest}"
        done += free


def functions(module: str) -> dict[str, str]:
    """Source of every function and method of a module, by name."""
    path = SOURCE / f"{module.replace('.', '/')}.py"
    path = path if path.is_file() else ROOT / "data" / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: ast.unparse(node) for node in ast.walk(tree) if isinstance(node, kinds)}


def test_the_walks_of_the_map_can_be_walked():
    walks = WALK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(walks) == 3
    for name, text in walks:
        assert 2 <= len(HOP.findall(text.partition(": ")[2])) <= 8, name
        for part in text.partition(": ")[2].split("=>"):
            hops = HOP.findall(part)
            for here in hops:
                assert here.rsplit(".", 1)[1] in functions(here.rsplit(".", 1)[0]), f"{name}: no {here}"
            for here, after in pairwise(hops):
                module, function = here.rsplit(".", 1)
                following = after.rsplit(".", 1)[1]
                assert re.search(rf"\b{following}\b", functions(module)[function]), f"{name}: {here} calls no {after}"
