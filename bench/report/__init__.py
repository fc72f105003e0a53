"""The files of a results folder beside the store: tables, words, figures, the best spec."""
