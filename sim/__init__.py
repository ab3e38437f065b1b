"""Simulates designs with Verilator, cocotb or Amaranth's simulator."""
