"""Training data, training, export and evaluation of the local model."""
