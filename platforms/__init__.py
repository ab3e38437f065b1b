"""Boards: one file each, from the board support that is to come on top of amaranth-boards."""
