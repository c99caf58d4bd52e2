"""The fastload command, in real processes: an unmodified program must not notice that it does not run alone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fastload._cli import main
from fastload._doctor import cpu_limit, memory_limit

ROOT = Path(__file__).parents[2]


def python(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = [environment.pop("PYTHONPATH", ""), str(ROOT)]
    inherited = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=inherited, capture_output=True, text=True, timeout=100, check=False)


def fastload(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "fastload", *arguments, cwd=cwd, **environment)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


SELF_PORTRAIT = """
import os, pickle, sys
class Thing: pass
if __name__ == "__main__":
    main = sys.modules["__main__"]
    assert main.__dict__ is globals()
    assert type(pickle.loads(pickle.dumps(Thing()))) is Thing
    print(sys.argv, sys.path[0], __file__, __spec__ and __spec__.name, __package__, type(__loader__).__name__)
    print(sorted(name for name in globals() if name not in ("__cached__",)))
"""


def test_a_script_sees_itself_as_when_python_runs_it(tmp_path: Path) -> None:
    write(tmp_path / "folder" / "script.py", SELF_PORTRAIT)
    arguments = ["folder/script.py", "--lr", "3", "-m", "x", "--version", "--help", "run"]
    ran = fastload("run", *arguments, cwd=tmp_path)
    assert ran.stderr == ""
    assert ran.stdout == python(*arguments, cwd=tmp_path).stdout


def test_a_script_behind_a_link_finds_its_neighbours_and_its_globals_at_exit(tmp_path: Path) -> None:
    at_exit = "import atexit\nword = 'still here'\natexit.register(lambda: print(word))"
    write(tmp_path / "real" / "script.py", f"{at_exit}\nimport neighbour")
    write(tmp_path / "real" / "neighbour.py", "print('found')")
    (tmp_path / "link.py").symlink_to(tmp_path / "real" / "script.py")
    assert fastload("run", "link.py", cwd=tmp_path).stdout == "found\nstill here\n"


def test_a_module_sees_itself_as_when_python_runs_it(tmp_path: Path) -> None:
    write(tmp_path / "pack" / "__init__.py", "")
    write(tmp_path / "pack" / "tool.py", SELF_PORTRAIT)
    arguments = ["-m", "pack.tool", "--lr", "3", "-m", "x"]
    ran = fastload("run", *arguments, cwd=tmp_path)
    assert ran.stderr == ""
    assert ran.stdout == python(*arguments, cwd=tmp_path).stdout


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_or_zip_file_is_run_by_its_main(tmp_path: Path, packed: bool) -> None:
    write(tmp_path / "app" / "__main__.py", "import sys, part; print(sys.argv, sys.path[0], __name__)")
    write(tmp_path / "app" / "part.py", "")
    if packed:
        with zipfile.ZipFile(tmp_path / "app.zip", "w") as file:
            for path in (tmp_path / "app").glob("*.py"):
                file.write(path, path.name)
    program = "app.zip" if packed else "app"
    assert fastload("run", program, "1", cwd=tmp_path).stdout == python(program, "1", cwd=tmp_path).stdout != ""


LEAVING = ["sys.exit(3)", "sys.exit('why')", "raise SystemExit", "os._exit(7)", "1 / 0"]
LEAVE = f"""
import os, sys
for leaving in {LEAVING}:  # each in a child that leaves as the script itself would: another start takes seconds
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    leaving = "sys.exit(9)"
exec(leaving)
"""


def test_exit_status_and_message_pass_through(tmp_path: Path) -> None:
    write(tmp_path / "script.py", LEAVE)
    ran, expected = fastload("run", "script.py", cwd=tmp_path), python("script.py", cwd=tmp_path)
    assert ran.returncode == expected.returncode == 9
    assert ran.stdout.split() == expected.stdout.split() == ["3", "1", "0", "7", "1"]
    messages = [line for line in ran.stderr.splitlines() if "fastload" not in line]
    assert [line for line in messages if not line.startswith("    ")][-1:] == ["ZeroDivisionError: division by zero"]
    assert "why" in messages
    assert set(expected.stderr.splitlines()) <= set(ran.stderr.splitlines())


LOADING = """
import sys
import torch.utils.data
from torch.utils.data import DataLoader
def which(_=None):
    return type(iter(DataLoader([1, 2]))).__module__.partition(".")[0]
"""


def test_a_scripts_loaders_are_fastloads_and_so_are_those_of_processes_that_it_starts(tmp_path: Path) -> None:
    body = """
if __name__ == "__main__":
    print(which(), [batch.tolist() for batch in DataLoader([1, 2])])
    import multiprocessing
    for method in ("fork", "forkserver", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(which, [0]))
            pool.close()
            pool.join()
"""
    write(tmp_path / "script.py", LOADING + body)
    ran = fastload("run", "script.py", cwd=tmp_path)
    processes = [f"{method} ['fastload']" for method in ("fork", "forkserver", "spawn")]
    assert ran.stdout.splitlines() == ["fastload [[1], [2]]", *processes], ran.stderr
    assert ran.stderr == ""


STARTING = "import subprocess, sys\nfor child in sys.argv[1:]: subprocess.run([sys.executable, child], check=True)"


def test_so_are_those_of_interpreters_that_it_starts(tmp_path: Path) -> None:
    """They keep their own sitecustomize, reach torch's iterator too, and import torch only if they load something."""
    write(tmp_path / "site" / "sitecustomize.py", "import builtins; builtins.customized = True")
    write(tmp_path / "loads.py", LOADING + "print(which(), customized, torch.utils.data.DataLoader is DataLoader)")
    imports_fastload = """
import fastload, torch.utils.data
from fastload._torch_compat import torch_get_iterator
loader = torch.utils.data.DataLoader([1])
print(type(iter(loader)).__module__.partition(".")[0])
print(type(torch_get_iterator(loader)).__module__)
"""
    write(tmp_path / "imports.py", imports_fastload)
    write(tmp_path / "loads_nothing.py", "import sys; print('torch' in sys.modules, 'fastload' in sys.modules)")
    write(tmp_path / "script.py", STARTING)
    children = ["loads.py", "imports.py", "loads_nothing.py"]
    ran = fastload("run", "script.py", *children, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    expected = ["fastload True True", "fastload", "torch.utils.data.dataloader", "False False"]
    assert ran.stdout.splitlines() == expected, ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "name a script"),
        (["run", "-m"], "name a script"),
        (["run", "gone.py"], "there is no file"),
        (["run", "--fast", "x.py"], "unrecognized arguments: --fast"),
        ([], "required: COMMAND"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("fastload 0.")


def test_the_doctor_names_what_matters(tmp_path: Path) -> None:
    ran = fastload("doctor", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    facts = {line.split("  ")[0] for line in ran.stdout.splitlines()}
    expected = {"fastload", "torch", "start method", "cores", "memory limit", "memfd", "/dev/shm", "extension"}
    assert expected <= facts
    assert "not known" not in ran.stdout


def test_the_limits_of_both_versions_of_control_groups_are_read(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path) == memory_limit(tmp_path) == "none"
    write(tmp_path / "cpu" / "cpu.cfs_quota_us", "250000\n")
    write(tmp_path / "cpu" / "cpu.cfs_period_us", "100000\n")
    write(tmp_path / "memory" / "memory.limit_in_bytes", "9223372036854771712\n")
    assert (cpu_limit(tmp_path), memory_limit(tmp_path)) == ("2.5 cores", "none")
    write(tmp_path / "cpu.max", "50000 100000\n")
    write(tmp_path / "memory.max", "3221225472\n")
    assert (cpu_limit(tmp_path), memory_limit(tmp_path)) == ("0.5 cores", "3.00 GiB")
    write(tmp_path / "cpu.max", "max 100000\n")
    write(tmp_path / "memory.max", "max\n")
    assert (cpu_limit(tmp_path), memory_limit(tmp_path)) == ("none", "none")
