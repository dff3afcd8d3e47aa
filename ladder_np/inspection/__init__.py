"""Looking into the network: gradient checks and test vectors. Knows the network, not training."""
