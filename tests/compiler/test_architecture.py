"""The compiler stands alone: it imports neither Spark nor runtime nor udfs, and a check loads nothing heavy."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import recipec

COMPILER = Path(recipec.__file__).parent
FORBIDDEN = {"pyspark", "pyarrow", "numpy", "numba", "pandas", "recipe_udfs", "delta", "deltalake"}
HEAVY = ("pyspark", "pyarrow", "numpy", "numba", "pandas", "scipy", "pydantic", "lark", "rich", "email")
RECIPE = """recipe r
edition 2026
use "std/gopher"
source pages = warc("*.warc.gz") {
  text    = trafilatura(html)
  license = page_license(html)
}
select web from pages {
  lang by fasttext("lid.176")
  keep lang == en and gopher.quality and gopher.repetition
  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = none, seed = 1)
}
write web to delta("lake")
"""


def imported(path: Path, at_top: bool = False) -> set[str]:
    """Top-level packages a file imports, inside functions too unless `at_top`."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if at_top else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", sorted(COMPILER.rglob("*.py")), ids=lambda path: str(path.relative_to(COMPILER)))
def test_no_file_of_the_compiler_imports_spark_or_udfs(path: Path) -> None:
    runs = path.name == "cli.py"  # the commands that run or audit may load the runtime, inside their functions
    forbidden = FORBIDDEN | {"recipe_runtime"}
    assert not imported(path, at_top=runs) & forbidden


def test_nothing_of_the_parsing_machine_leaves_the_parser_and_its_generator_is_not_needed() -> None:
    assert not [path.name for path in COMPILER.rglob("*.py") if "lark" in imported(path)]
    users = {path.name for path in COMPILER.rglob("*.py") if "recipec.lalr" in own_imports(path)}
    assert users == {"parse.py", "build.py"}


def test_a_check_loads_nothing_heavy() -> None:
    program = (
        "import sys, json\nfrom recipec.driver import Compilation\n"
        f"found = Compilation(text={RECIPE!r}).diagnostics\n"
        "print(json.dumps([[one.message for one in found], sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found, modules = json.loads(done.stdout)
    assert found == []
    assert [name for name in modules if name.partition(".")[0] in HEAVY] == []


def own_imports(path: Path) -> set[str]:
    """The compiler's modules that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "recipec":
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_no_files_import_in_a_circle() -> None:
    modules = {
        ".".join(path.relative_to(COMPILER.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in COMPILER.rglob("*.py")
    }
    graph = {name: (own_imports(path) & set(modules)) - {name, "recipec"} for name, path in modules.items()}
    packages = {name for name, path in modules.items() if path.name == "__init__.py"}
    for name, needs in graph.items():
        # `from recipec.checks import walk` in a module of that package names the package only to reach its file.
        graph[name] = {one for one in needs if not (one in packages and name.startswith(f"{one}."))}
    list(TopologicalSorter(graph).static_order())
