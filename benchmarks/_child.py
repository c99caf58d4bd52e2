"""Fresh Python processes, measured from outside: ``python -m benchmarks.MODULE ARGS``, answering in JSON."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class Child:
    """A process that runs ``module``; each ``ask`` writes a line and waits for one line of JSON."""

    def __init__(self, module: str, *arguments: str, python: Path = Path(sys.executable)) -> None:
        self._module = module
        command = [str(python), "-m", f"benchmarks.{module}", *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True, bufsize=1
        )

    def answer(self) -> Any:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return json.loads(line)
        status = self._process.wait()
        raise RuntimeError(f"benchmarks.{self._module} ended with status {status}; its error is above")

    def ask(self, line: str = "go") -> Any:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.answer()

    def pause(self) -> None:
        """Stops it from doing anything: some work ahead of what they are asked for, at the cost of whose turn it is."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Ends the process by closing its standard input."""
        self.resume()
        self._process.communicate()


def say(value: Any) -> None:
    """The child's half of ``answer``."""
    print(json.dumps(value), flush=True)


def wait() -> bool:
    """The child's half of ``ask``; False once the parent has called ``close``."""
    return bool(sys.stdin.readline())
