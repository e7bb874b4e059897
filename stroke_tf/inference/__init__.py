"""From a volume and a function that predicts to a volume of probabilities; no TensorFlow."""
