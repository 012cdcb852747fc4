"""Reviewed cells as a data folder to train on: only what is permitted and independently labelled."""
