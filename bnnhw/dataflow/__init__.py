"""The hardware units of a streaming data path, with their timing, folding and buffer sizing.

Each unit is a frozen ``Params`` object in ``units``: its integer function, component, latency,
token model and cost stand side by side in one file or folder.
"""
