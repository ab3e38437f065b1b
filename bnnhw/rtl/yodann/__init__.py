"""The units of a latch-memory core for binary weights and activations of several bits."""
