"""vista: a procedural, captioned, endlessly scrolling landscape; training data and ground truth at once."""
