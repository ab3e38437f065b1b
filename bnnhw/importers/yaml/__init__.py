"""layers.yaml: its keys, its checks, and the outputs that it declares."""
