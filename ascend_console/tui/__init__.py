"""The screens: they fold the events of runs that are processes of their own, and never compute."""
