"""`ibgu completion`: the script that a shell reads once."""

from enum import StrEnum
from typing import Annotated

import typer

_BASH = r"""# ibgu's completion for bash: source <(ibgu completion bash)
_ibgu_complete() {
    local IFS=$'\n'
    COMPREPLY=($(ibgu __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _ibgu_complete ibgu
"""

_ZSH = r"""#compdef ibgu
# ibgu's completion for zsh: source <(ibgu completion zsh), after compinit
_ibgu() {
    local line
    local -a found
    for line in "${(@f)$(ibgu __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        line=${line//:/\\:}
        found+=("${line/$'\t'/:}")
    done
    if (( ${#found} )); then _describe ibgu found; else _files; fi
}
compdef _ibgu ibgu
"""

_FISH = r"""# ibgu's completion for fish: ibgu completion fish | source
function __ibgu_complete
    set -l words (commandline -opc)
    ibgu __complete -- $words[2..] (commandline -ct) 2>/dev/null
end
complete -c ibgu -f -a '(__ibgu_complete)'
"""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def completion(
    shell: Annotated[Shell, typer.Argument(help="Which one.", show_default=False)],
) -> None:
    """Print a shell's completion script."""
    typer.echo(SCRIPTS[shell], nl=False)
