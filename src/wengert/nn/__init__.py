"""Functions of neural networks. Start at `activations`; models are a later floor of this wing."""

from wengert.nn.activations import elu, gelu, leaky_relu, log_softmax, relu, sigmoid, silu, softmax, softplus

__all__ = ["elu", "gelu", "leaky_relu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus"]
