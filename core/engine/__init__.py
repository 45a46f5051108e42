"""The compiled fold: samples in canonical order become intervals and additive facts."""
