"""Work with labelme as a program of its own."""
