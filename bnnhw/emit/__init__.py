"""A Component to Verilog text, a Plan to a manifest; both the same for every run."""
