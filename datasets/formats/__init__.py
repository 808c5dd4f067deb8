"""Files and folders of annotations, read strictly and written atomically."""
