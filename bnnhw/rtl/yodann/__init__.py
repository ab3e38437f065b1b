"""Hardware of the YodaNN core: latch memories, binary weights, activations of several bits."""
