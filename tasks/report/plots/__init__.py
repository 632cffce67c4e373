"""The pictures of a run: small frames and arrays in, one PNG out.

Only matplotlib's object interface on the Agg canvas is used, and no global setting is touched, so that pictures can be
drawn in threads. Titles and names come from data files: they are drawn as plain text, whatever they hold.
"""
