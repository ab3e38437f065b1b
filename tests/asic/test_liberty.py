"""Tests the parsers of Liberty and LEF, and their errors for invalid files."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.asic.boolean import parse_boolean
from bnnhw.asic.lef import lef_areas
from bnnhw.asic.liberty import MAX_DEPTH, parse_liberty
from bnnhw.asic.library import build_library
from bnnhw.asic.nldm import Table
from bnnhw.errors import BnnhwError, ConfigError
from tests.asic.tiny_library import LIBERTY, liberty, tiny_library

SMALL = """library (a) { // a comment
  unit : "1ns" ; flags (x, "y z");
  cell (INV) { area : 3.5 /* drawn */
    pin ("A") { direction : input }
    table (t) { values ("1, 2", \\
      "3, 4"); } } }
"""


def test_groups_and_attributes() -> None:
    library = parse_liberty(SMALL)
    assert library.name == "a"
    assert library.simple["unit"] == "1ns"
    assert library.complex["flags"] == ("x", "y z")
    cell = next(library.all("cell"))
    assert (cell.line, cell.number("area")) == (3, 3.5)
    assert next(cell.all("table")).complex["values"] == ("1, 2", "3, 4")


INVALID = [
    ("library (a) { cell (b) { area : 1; }", "cell 'b'|library 'a'.*not closed|is not closed"),
    ("library (a) { } }", "line 1: .*without a matching"),
    ("library (a) {\n  cell (b { }\n}", "line 2: 'cell' is followed by neither"),
    ("library (a) {\n\n  = 3; }", "line 3: expected an attribute"),
    ("library (a) { x : \"open; }", "line 1: expected an attribute"),
    ("library (a) { /* open }", "line 1"),
    ("", "has 0 library groups"),
    ("library (a) { } library (b) { }", "has 2 library groups"),
    ("PK\x03\x04\x00\x00", "line 1: .PK. is followed by neither"),
    ("library (a) {" + "g () {" * (MAX_DEPTH + 1), "nested more than"),
]


@pytest.mark.parametrize(("text", "message"), INVALID)
def test_invalid_text_is_rejected(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_liberty(text, "x.lib")


WRONG = [
    ("area : 4;", "area : four;", "'area' of cell 'XR2' is 'four', not a number"),
    ("area : 4;", "area : 1e99;", "out of range"),
    ('function : "A ^ B";', 'function : "A ^";', "cell XR2, pin Y.*not a Boolean function"),
    ('values ("0.1, 0.2", "0.3, 0.4");', 'values ("0.1, 0.2");', "2 values, its axes need 4"),
    ('index_2 ("0.05, 0.5");', 'index_2 ("0.5, 0.05");', "not ascending"),
    ("cell_rise (t)", "cell_rise (u)", "unknown table template 'u'"),
    ("nom_voltage : 1.2;", "", "no voltage"),
    ('time_unit : "1ns";', 'time_unit : "1 day";', "'time_unit' is '1 day'"),
    ("capacitive_load_unit (1, ff);", "capacitive_load_unit (1, kg);", "capacitive_load_unit"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_wrong_values_are_rejected(old: str, new: str, message: str) -> None:
    assert old in LIBERTY
    with pytest.raises(ConfigError, match=message):
        build_library(LIBERTY.replace(old, new), {}, "x.lib")


@given(st.text(alphabet="lib(){};:\"\\/*,a1 \n", max_size=200))
def test_only_documented_errors_are_raised(text: str) -> None:
    for content in (text, f"library (a) {{ {text} }}", LIBERTY.replace("area", text)):
        with contextlib.suppress(BnnhwError):
            build_library(content, {}, "x.lib")


def test_parsing_time_is_linear() -> None:
    """Texts that would make backtracking patterns slow."""
    begin = time.perf_counter()
    for text in ("library (a" + '"' * 50_001, "library (" + "a" * 100_000,
                 "/*" * 50_000, "\\\n" * 50_000, "library (a) { x : " + "/" * 100_000):
        with pytest.raises(ConfigError):
            parse_liberty(text)
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(("text", "table"), [
    ("A B", 0b1000), ("A*B", 0b1000), ("A & B", 0b1000), ("(A B)'", 0b0111), ("!A B", 0b0100),
    ("A + B", 0b1110), ("A|B", 0b1110), ("A ^ B", 0b0110), ("!(A ^ B)", 0b1001),
    ("A ^ B A", 0b0010), ("A B + !A !B", 0b1001), ("A''", 0b1010), ("1", 0b1111),
])
def test_functions(text: str, table: int) -> None:
    assert parse_boolean(text, "x").truth_table(("A", "B")) == table


@pytest.mark.parametrize("text", ["", "A +", "(A", "A)", "A ? B", "+", "'", "(" * 5000])
def test_invalid_functions(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^cell X: is not a Boolean function"):
        parse_boolean(text, "cell X")


def test_tables_interpolate() -> None:
    table = Table(("load", "slew"), ((1.0, 3.0), (0.0, 1.0, 2.0)), (0, 1, 2, 10, 11, 12))
    assert table.at(2.0, 1.5) == pytest.approx(6.5)
    assert table.at(0.0, -1.0) == 0
    assert table.at(3.0, 9.0) == 12
    # Beyond the largest load, tables are extrapolated linearly, as in OpenSTA.
    assert table.at(9.0, 9.0) == 42
    assert Table((), (), (4.0,)).at(1, 1) == 4


def test_areas_of_a_lef_file() -> None:
    text = "MACRO A\n SIZE 2 BY 3.5 ;\n PIN SIZE\n END SIZE\nEND A\n" \
        "MACRO B\n SIZE 1 BY 1 ;\nEND B\n"
    assert lef_areas(text) == {"A": 7.0, "B": 1.0}
    with pytest.raises(ConfigError, match="line 2: the size of macro 'A'"):
        lef_areas("MACRO A\n SIZE two BY 3 ;\nEND A\n")
    with pytest.raises(ConfigError, match="no macro"):
        lef_areas("VERSION 5.8 ;\n")


def test_areas_are_corrected_and_listed() -> None:
    library = build_library(liberty(), {"LAT": 8.0, "XR2": 4.0}, "x.lib")
    assert [(p.cell, p.liberty, p.lef) for p in library.patches] == [("LAT", 6.0, 8.0)]
    assert library.cells["LAT"].area == 8
    # The normalised text has the same areas.
    again = build_library(library.texts[0], {"LAT": 8.0}, "x.lib")
    assert not again.patches
    assert {n: c.area for n, c in again.cells.items()} == \
        {n: c.area for n, c in library.cells.items()}
    assert library.sha256 == tiny_library().sha256


def test_the_unit_of_energy_is_not_that_of_the_supply() -> None:
    """Tables of energy are in units of capacitance times voltage unit squared."""
    text = liberty()
    library = build_library(text, {}, "x.lib")
    assert library.energy == library.capacitance
    milli = build_library(text.replace('"1V"', '"100mV"'), {}, "x.lib")
    assert abs(milli.energy / milli.capacitance - 0.01) < 1e-12
    assert milli.voltage == library.voltage
