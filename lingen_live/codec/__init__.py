"""The video autoencoder between frames and latents."""
