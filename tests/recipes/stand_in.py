"""A stand-in for `unmask` in tests of the drivers: a program that notes its calls and makes the files that the real one would."""

import json
import os
import subprocess
import sys
from pathlib import Path


def make(folder: Path, program: str) -> None:
    """Write FOLDER/unmask with this text, where {python} is the interpreter; it must append its arguments to $NOTES."""
    path = folder / "unmask"
    path.write_text(program.format(python=sys.executable))
    path.chmod(0o755)


def run(driver: Path, folder: Path, name: str, **variables: str) -> tuple[int, list[list[str]]]:
    """Exit status of a driver with results in FOLDER/data, and the stand-in's calls, which it notes in FOLDER/NAME."""
    notes = folder / name
    notes.touch()
    environment = {**os.environ, "DATA": str(folder / "data"), "UNMASK": str(folder / "unmask"), "PYTHON": sys.executable,
                   "NOTES": str(notes), **variables}
    done = subprocess.run([driver], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return done.returncode, [json.loads(line) for line in notes.read_text().splitlines()]
