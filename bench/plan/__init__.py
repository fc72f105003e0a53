"""What an experiment trains: trials with content keys, the stacks they train in, the manifest."""
