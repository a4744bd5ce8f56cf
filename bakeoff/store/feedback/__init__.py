"""Items of other systems, their scores, and the labels that people gave them."""
