"""The parts of the sample generator, one module per family of deliveries."""
