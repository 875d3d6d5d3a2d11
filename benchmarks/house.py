"""How large is the house? Lines, lines of code, modules and public names of a checkout, or of several side by side.

    python benchmarks/house.py [CHECKOUT ...]        this one by default

A line of code is one that holds code: no blank line, no comment alone, no docstring. Names are public where the
package exports them. Only the standard library is used, so that an old checkout can be measured from a new one.
"""

import ast
import io
import sys
import tokenize
from pathlib import Path

PARTS = {
    "package": ["src/analysis/**/*.py"],
    "recipes": ["data/recipes/*.py"],
    "tests": ["tests/*.py"],
    "benchmarks": ["benchmarks/*.py"],
}


def code_lines(text: str) -> int:
    """Lines that hold code."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def public_names(checkout: Path) -> int:
    """Names that `import analysis` offers: of the stub, or of the list of exports that came before it."""
    stub, listed = checkout / "src/analysis/__init__.pyi", checkout / "src/analysis/__init__.py"
    if stub.is_file():
        nodes = ast.walk(ast.parse(stub.read_text(encoding="utf-8")))
        return sum(len(node.names) for node in nodes if isinstance(node, ast.ImportFrom))
    tree = ast.parse(listed.read_text(encoding="utf-8"))
    dicts = [node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
    return sum(len(value.elts) for value in dicts[0].values)


def measure(checkout: Path) -> dict[str, int]:
    """All figures of one checkout."""
    found = {}
    for part, patterns in PARTS.items():
        texts = [path.read_text(encoding="utf-8") for pattern in patterns for path in sorted(checkout.glob(pattern))]
        found[f"{part}: modules"] = len(texts)
        found[f"{part}: lines"] = sum(len(text.splitlines()) for text in texts)
        found[f"{part}: lines of code"] = sum(code_lines(text) for text in texts)
        found[f"{part}: longest module"] = max((len(text.splitlines()) for text in texts), default=0)
    found["package and recipes: lines"] = found["package: lines"] + found["recipes: lines"]
    found["package and recipes: lines of code"] = found["package: lines of code"] + found["recipes: lines of code"]
    found["public names"] = public_names(checkout)
    return found


def main(checkouts: list[str]) -> None:
    """Print a table, a column a checkout."""
    columns = [measure(Path(checkout)) for checkout in checkouts]
    for name in columns[0]:
        print(f"{name:36}" + "".join(f"{column[name]:>10,}" for column in columns))


if __name__ == "__main__":
    main(sys.argv[1:] or [str(Path(__file__).parents[1])])
