"""Hub templates, `{{hub … hub}}`, which Advanced Cluster Management resolves in its policies, and
ibgu nowhere: nothing that it carries to clusters may have one (R25.2)."""

_OPEN = "{{hub"


def hub_template_line(text: str) -> int:
    """Returns the line of the first hub template, counted from 1; 0: the text has none."""
    place = text.find(_OPEN)
    return text.count("\n", 0, place) + 1 if place >= 0 else 0
