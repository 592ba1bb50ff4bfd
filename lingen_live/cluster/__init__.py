"""Sessions on many devices: a gateway that serves, and an engine on each device, as actors of a Ray cluster."""
