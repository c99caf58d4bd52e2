"""The repository keeps its own rules: readable files and a README that tells the truth."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_FOLDERS = ("fastload", "csrc", "tests", "benchmarks", "examples", "tools")
LONGEST_FILE = 400
ACCEPTED: dict[str, str] = {}  # path -> why it is longer

README = (ROOT / "README.md").read_text()
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def source_files() -> list[Path]:
    return [
        path
        for folder in SOURCE_FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".cpp", ".h", ".sh"} and "build" not in path.parts
    ]


def test_files_stay_readable() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source_files()}
    too_long = {path: n for path, n in lengths.items() if n > LONGEST_FILE and path not in ACCEPTED}
    assert not too_long, f"split these, or give a reason in ACCEPTED: {too_long}"


def test_no_file_is_accepted_as_long_that_is_not() -> None:
    assert [path for path in ACCEPTED if len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE] == []


def test_every_make_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"(?:^|`|&& )make ([a-z]+)", README, re.MULTILINE))
    assert {"train", "test"} <= named
    assert named <= MAKE_TARGETS


def test_every_file_that_the_readme_names_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    programs = re.findall(r"\bpython ((?:examples|tools|benchmarks)/\S+\.py)", README)
    assert [path for path in links + programs if not (ROOT / path).exists()] == []


def test_the_readme_examples_compile() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        compile(block, "README.md", "exec")


def test_every_name_that_the_readme_takes_from_fastload_is_there() -> None:
    import fastload

    imported = [
        name
        for line in re.findall(r"^from fastload import ([\w, ]*\w)", README, re.MULTILINE)
        for name in re.sub(r" as \w+", "", line).split(", ")
    ]
    used = re.findall(r"\bfastload\.([A-Za-z_]\w*)", README.replace("fastload.git", ""))
    missing = [name for name in {*imported, *used} if not hasattr(fastload, name)]
    assert missing == []
