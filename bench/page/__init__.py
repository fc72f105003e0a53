"""`report.html`: a whole report in one file that opens from disk, without a network.

Results are packed into a few compressed blobs (`packing`, `points`, `content`), what needs no
script is written out as text (`markup`, `sections`), and `assets` holds the hand-written style and
scripts that draw the rest with plotly.js, which is taken from the installed package (`library`).
"""
