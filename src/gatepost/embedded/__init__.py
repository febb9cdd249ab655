"""Gatepost in the process: the calls of the SDK under the same names, each a direct translation of one operation.

What answers is what `gatepost.client` answers, so that code written for the one works with the other.
"""
