"""Netlist simulation: placed and routed boards in simulation, and bitstreams compared with them."""
