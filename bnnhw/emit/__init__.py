"""Writes Verilog, manifests and board designs; equal inputs give equal bytes."""
