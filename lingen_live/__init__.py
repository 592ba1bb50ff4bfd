"""lingen_live: a linear-complexity text-to-video model that streams forever and bends to words."""

__version__ = "0.1.0"
