"""The studio: films from storyboards. So far on the shell: `lingen_live render`."""
