"""State-space duality: the Mamba2 recurrence in one direction (final state) and in both (outputs)."""
