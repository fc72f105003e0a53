"""A spec, from TOML to an experiment in which every name is known and every value filled in."""
