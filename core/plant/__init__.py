"""The plant as its file describes it, its calendar, and the flat tables kernels read."""
