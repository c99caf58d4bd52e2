"""The stub of the extension is written by hand, for exact types; its names and arguments are checked here."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Signatures = dict[str, list[str]]  # "Slots.acquire" -> ["self", "nbytes"]


def signatures(source: str) -> Signatures:
    """Every public function, method and class of a stub, with the names of its arguments."""
    found: Signatures = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[prefix + node.name] = []
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or node.name[0] != "_"):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                found[prefix + node.name] = [argument.arg for argument in every]

    visit(ast.parse(source).body, "")
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    """What the built extension says of itself."""
    pytest.importorskip("pybind11_stubgen")
    folder = tmp_path_factory.mktemp("stub")
    subprocess.run(
        [sys.executable, "-m", "pybind11_stubgen", "fastload._core", "--output-dir", folder],
        cwd=ROOT,
        check=True,
    )
    return signatures((folder / "fastload" / "_core.pyi").read_text())


@pytest.fixture(scope="module")
def written() -> Signatures:
    return signatures((ROOT / "fastload" / "_core.pyi").read_text())


def test_the_stub_has_what_the_extension_has(built: Signatures, written: Signatures) -> None:
    # Lease is a type of the C API, whose attributes the generator does not list.
    assert {name for name in written if not name.startswith("Lease.")} == set(built)


def test_the_arguments_have_the_same_names_in_the_same_order(built: Signatures, written: Signatures) -> None:
    assert {name: written[name] for name in written if name in built} == {
        name: built[name] for name in built if name in written
    }
