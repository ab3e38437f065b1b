"""Running designs: a compiled batch harness, a cocotb bench, and Amaranth's simulator."""
