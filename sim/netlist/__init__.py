"""Simulates placed and routed netlists of boards, and compares bitstreams with them."""
