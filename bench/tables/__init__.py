"""The store's content as tidy pandas frames, and the statistics of them that figures draw."""
