"""vista: a procedural, captioned, endlessly scrolling landscape; the bundled model's world and ground truth."""
