"""Training: batches, Adam with its schedule, and the loop over epochs."""
