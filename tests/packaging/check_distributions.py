"""Installs the wheel and the sdist into empty environments, and uses each of them.

``python tests/packaging/check_distributions.py dist`` needs the standard library only. Each
distribution is used from an empty folder: it lists the shipped designs, generates one through the
command line and through Python, and computes a prediction.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

USE = """
import json, pathlib, numpy as np
import bnnhw
net = bnnhw.load("mnist_tfc")
assert set(net.predict(np.zeros((2, 784), dtype=np.uint8))) >= {"label"}
design = bnnhw.generate(net, arch="streaming", device="up5k")
design.save("api.v")
assert pathlib.Path("api.v").read_bytes() and json.loads(pathlib.Path("api.json").read_text())
assert "site-packages" in bnnhw.__file__, bnnhw.__file__
"""


def check(distribution: Path) -> None:
    """Install one distribution and use it.

    Raises
    ------
    subprocess.CalledProcessError
        A command failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        empty = folder / "empty"
        empty.mkdir()

        def run(program: str, *arguments: str) -> None:
            print(f"{distribution.name}: {program} {' '.join(arguments)[:60]}", flush=True)
            subprocess.run([str(programs / program), *arguments], cwd=empty, check=True)

        run("python", "-m", "pip", "install", "--quiet", str(distribution.resolve()))
        run("bnnhw", "--version")
        run("bnnhw", "list", "designs")
        run("bnnhw", "generate", "--layers", "mnist_tfc", "-o", "out.v")
        run("python", "-m", "bnnhw", "plan", "mnist_tfc")
        run("python", "-c", USE)


def main() -> None:
    """Check every distribution of the folder that the command line names."""
    folder = Path(sys.argv[1])
    found = sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])
    if {path.suffix for path in found} != {".whl", ".gz"}:
        sys.exit(f"{folder} needs a wheel and an sdist: run 'python -m build'")
    for path in found:
        check(path)
    print(f"{len(found)} distributions install and run")


if __name__ == "__main__":
    main()
