"""Tests of what is shown in notebooks, on real kernels, and in terminals."""
