"""The recipes: one YAML file for each trainer with every option at its default, its unit and its reason.

They are at the top of the tree because people read and copy them, and in a package because only so an installed
wheel contains them.
"""
