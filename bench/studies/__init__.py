"""Studies of the documents, the statistics and the speed; only the command line knows them."""
