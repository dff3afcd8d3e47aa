"""Experiments: their settings and presets, and one run from data to a folder with a trained model."""
