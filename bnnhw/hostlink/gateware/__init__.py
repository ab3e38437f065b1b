"""Gateware of the host link (Amaranth): UART, link protocol and frame memories."""
