"""Gateware of the host link: a serial line, frames, and the accelerator behind them."""
