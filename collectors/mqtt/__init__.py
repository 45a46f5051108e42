"""MQTT: a broker's topics become samples. See README.md in this folder."""
