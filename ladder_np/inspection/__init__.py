"""Looking into the network and its machine: gradient checks, test vectors, what decides speed. Knows no training."""
