"""bnnhw: from a trained binary neural network to hardware that is proven bit-exact."""

__version__ = "0.1.0"
