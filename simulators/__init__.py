"""The model railway: machines whose truth is known exactly."""
