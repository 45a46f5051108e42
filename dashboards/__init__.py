"""The shop windows: boards as code over the `board.*` views."""
