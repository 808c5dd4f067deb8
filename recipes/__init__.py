"""The recipes: one YAML file a trainer with every option at its default, its unit and its reason.

Files beside the rooms and not inside them, because they are read and copied by people; a package, because only so
an installed wheel has them too.
"""
