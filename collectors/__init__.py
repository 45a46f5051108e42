"""The loading docks: the only async room. Decode at the door into SampleBatch columns."""
