"""Tests of what notebooks show, and of their interrupts, on real kernels."""
