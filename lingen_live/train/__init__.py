"""Training and evaluation on the vista world: codec, denoiser, attribute probe."""
