"""Imports the weights of PyTorch (a state dict), with a description of the layers in YAML."""
