"""Update rules once more, in plain Python, one number at a time: what the core is compared with."""
