"""The ladder: lanes through one encoder, the decoder, the costs, and what prediction needs."""
