"""Checks of data and of results: what a reader should know before trusting a score"""
