"""Host link: the wire format, the gateware and the host driver of a board."""
