"""Forward and backward passes, in pairs. Each knows only the arrays it is given: (rows, units) matrices.

A backward takes the upstream gradient first (a symbol with `d` before it; the cross-entropy, where the gradient
starts, has none), returns fresh arrays and leaves its arguments unchanged. Only the network above adds gradients up.
"""
