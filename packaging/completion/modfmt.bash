# SPDX-License-Identifier: BSD-2-Clause
# Bash completion for all of the tools. What a tool's --help says is what can be completed, so
# this knows no option by name. Installed under each tool's name, where bash-completion looks
# for it; without that: source this file.

# _modfmt TOOL WORD: files (-o default) where nothing here fits.
_modfmt() {
    local tool=$1 word=$2 help verbs i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [ "${COMP_WORDS[i]}" != -- ] || return 0
    done
    help=$("$tool" --help 2>/dev/null </dev/null) || return 0
    verbs=$(sed -n '/^Verbs/,/^$/s/^  \([a-z]\+\) .*/\1/p' <<<"$help")
    # A verb may have options of its own.
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ $'\n'$verbs$'\n' == *$'\n'"${COMP_WORDS[i]}"$'\n'* ]]; then
            [[ $help != *'each has a --help'* ]] ||
                help=$("$tool" "${COMP_WORDS[i]}" --help 2>/dev/null </dev/null)
            verbs=
            break
        fi
    done
    if [[ $word == -* ]]; then
        verbs=$(sed -n 's/^ \{2,6\}\(-[A-Za-z], \)\?\(--[a-z0-9-]\+\).*/\2/p' <<<"$help")
    fi
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
}
complete -o default -F _modfmt mkmod moddump modflash modapi virtual-board
