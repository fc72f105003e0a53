"""From a spec to a report: running, reading, joining and telling the state of results folders."""
