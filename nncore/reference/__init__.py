"""One network at a time, as the documents compute, to hold the stack against."""
