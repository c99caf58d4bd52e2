"""torch's samplers in torch's order at any scale, and more."""
