"""Rewrites that several passes need: pure graph surgery on what an analysis found."""
