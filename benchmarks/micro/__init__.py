"""Measured comparisons with named peers. Every script prints ratios of medians from interleaved runs."""
