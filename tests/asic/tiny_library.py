"""A tiny standard-cell library for tests, with cells that the library osu018 lacks."""

from __future__ import annotations

from bnnhw.asic.library import CellLibrary, build_library

__all__ = [
    "CELLS",
    "LIBERTY",
    "TIMED",
    "liberty",
    "storage_cell",
    "tiny_library",
    "with_storage_cell",
    "without_arcs",
]

TABLE = """cell_rise (t) { values ("0.1, 0.2", "0.3, 0.4"); }
      cell_fall (t) { values ("0.1, 0.2", "0.3, 0.4"); }
      rise_transition (t) { values ("0.1, 0.2", "0.3, 0.4"); }
      fall_transition (t) { values ("0.1, 0.2", "0.3, 0.4"); }"""


def _pin(name: str, extra: str = "") -> str:
    return f"  pin ({name}) {{ direction : input; capacitance : 2; {extra} }}\n"


def _output(name: str, function: str, related: str, kind: str = "") -> str:
    timing_type = f"timing_type : {kind};" if kind else "timing_sense : non_unate;"
    arcs = "".join(f'    timing () {{ related_pin : "{pin}"; {timing_type} {TABLE} }}\n'
                   for pin in related.split())
    return f"""  pin ({name}) {{
    direction : output; max_capacitance : 60; function : "{function}";
{arcs}  }}
"""


def _cell(name: str, area: float, *parts: str) -> str:
    return f"cell ({name}) {{\n  area : {area};\n{''.join(parts)}}}\n"


def _gate(name: str, area: float, function: str, inputs: str) -> str:
    return _cell(name, area, *map(_pin, inputs), _output("Y", function, " ".join(inputs)))


CELLS = {
    "INV": _gate("INV", 1, "A'", "A"),
    "BUF": _gate("BUF", 1.5, "A", "A"),
    "ND2": _gate("ND2", 2, "(A B)'", "AB"),
    "NR2": _gate("NR2", 2, "!(A + B)", "AB"),
    "AN2": _gate("AN2", 2.5, "A * B", "AB"),
    "XR2": _gate("XR2", 4, "A ^ B", "AB"),
    "DFF": _cell("DFF", 9, '  ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }\n',
                  _pin("D"), _pin("CK", "clock : true;"),
                  _output("Q", "IQ", "CK", "rising_edge")),
    # Transparent while the enable is 0, as in some libraries.
    "LAT": _cell("LAT", 6, '  latch (IQ, IQN) { data_in : "D"; enable : "GN\'"; }\n',
                   _pin("D"), _pin("GN", "clock : true;"),
                   _output("Q", "IQ", "GN", "falling_edge")),
    "ISO": _cell("ISO", 1, "  is_isolation_cell : true;\n",
                       '  latch (IQ, IQN) { data_in : "D"; enable : "G"; }\n', _pin("D"),
                       _pin("G"), _output("Q", "IQ", "G", "rising_edge")),
    # Strong, fast and with a low input load, as pads are.
    "PAD": _gate("PAD", 90, "A", "A").replace("{\n", "{\n  pad_cell : true;\n", 1).replace(
        "capacitance : 2;", "capacitance : 0.5;").replace("0.1, 0.2", "0.01, 0.02").replace(
        "0.3, 0.4", "0.01, 0.02").replace("max_capacitance : 60", "max_capacitance : 9000"),
    "CKG": _cell("CKG", 7, "  clock_gating_integrated_cell : latch_posedge_precontrol;\n",
                  '  statetable ("CK E SE", "S") { table : "L L L : - : L , L H - : - : H , '
                  'L - H : - : H , H - - : - : N"; }\n',
                  "  pin (S) { direction : internal; internal_node : S; }\n",
                  _pin("CK", "clock : true; clock_gate_clock_pin : true;"),
                  _pin("E", "clock_gate_enable_pin : true;"),
                  _pin("SE", "clock_gate_test_pin : true;"),
                  '  pin (GCK) { direction : output; clock_gate_out_pin : true; '
                  'state_function : "CK * S"; max_capacitance : 200; }\n'),
    "ADD": _cell("ADD", 10, *map(_pin, "ABC"),
                   _output("CO", "(A B) + (C (A + B))", "A B C"),
                   _output("S", "A ^ B ^ C", "A B C")),
}
"""Liberty text of each cell."""


def storage_cell(name: str, kind: str, functions: str, inputs: str, outputs: dict[str, str],
           area: float = 9) -> str:
    """Return the Liberty text of a flip-flop (``ff``) or latch, with setup and hold times.

    Parameters
    ----------
    name, kind, functions : str
        Name of the cell, kind of its storage, and the attributes of the group ``kind``.
    inputs : str
        Pins; the first is the clock or enable, the second the data.
    outputs : dict of str to str
        Functions of outputs.
    area : float
    """
    control, data, *others = inputs.split()
    edge = "rising" if kind == "ff" else "falling"
    limits = "".join(
        f'timing () {{ related_pin : "{control}"; timing_type : {what}_{edge}; '
        'rise_constraint (scalar) { values ("0.05"); } '
        'fall_constraint (scalar) { values ("0.05"); } } ' for what in ("setup", "hold"))
    arc = "rising_edge" if kind == "ff" else ""
    return _cell(name, area, f"  {kind} (IQ, IQN) {{ {functions} }}\n",
                 _pin(control, "clock : true;"), _pin(data, limits), *map(_pin, others),
                 *(_output(pin, function, control, arc) for pin, function in outputs.items()))


TIMED = storage_cell("DFF", "ff", 'next_state : "D"; clocked_on : "CK";', "CK D", {"Q": "IQ"})
"""The flip-flop with setup and hold times, which static timing analysis needs."""


def with_storage_cell(kind: str, functions: str, inputs: str, outputs: dict[str, str],
                without: tuple[str, ...] = ()) -> CellLibrary:
    """Return the library with one flip-flop or latch replaced by a cell of another form."""
    name, removed = ("FORM", ("DFF",) if kind == "ff" else ("LAT", "ISO"))
    text = liberty((*removed, *without), storage_cell(name, kind, functions, inputs, outputs))
    return build_library(text, {}, "form.lib")


def liberty(without: tuple[str, ...] = (), extra: str = "") -> str:
    """Return the text of the library without some of its cells, and with others added."""
    cells = "".join(text for name, text in CELLS.items() if name not in without) + extra
    return f"""/* A library for tests. */
library (tiny) {{
  time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1nW";
  pulling_resistance_unit : "1kohm"; capacitive_load_unit (1, ff);
  nom_voltage : 1.2; nom_temperature : 25; nom_process : 1; delay_model : table_lookup;
  lu_table_template (t) {{
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("1, 100"); index_2 ("0.05, 0.5");
  }}
{cells}}}
"""


LIBERTY = liberty()


def tiny_library(*without: str) -> CellLibrary:
    """Return the library without some of its cells."""
    return build_library(liberty(without), {}, "tiny.lib")


def without_arcs(pin: str) -> str:
    """Return the text of the library without timing arcs from an input of that name."""
    return LIBERTY.replace(f'    timing () {{ related_pin : "{pin}"; timing_sense : non_unate; '
                           f"{TABLE} }}\n", "")
