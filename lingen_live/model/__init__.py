"""LinGen made causal by chunks: MATE blocks whose whole memory is a `StreamState` of constant size."""
