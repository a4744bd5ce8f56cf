"""One candidate's turn: order a cell, fit and predict in it, accept what it left, score it."""
