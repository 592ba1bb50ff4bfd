"""The paper's scale: configurations, the opponent, and floating-point operations counted on both."""
