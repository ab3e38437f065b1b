"""Components of the YodaNN core: latch memories, sum-of-products units and their control."""
