"""Skip, SiLU gate and RMS norm: what stands between the SSD and its output projection."""
