"""The conformance kit: whether a plugin keeps its contract, check by check, in cells"""
