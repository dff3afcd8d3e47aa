"""Data: files read and checked, rows split, features scaled. Knows nothing of networks.

`readers.open_dataset` is the door: it turns a name or a path into a checked `dataset.Dataset`.
"""
