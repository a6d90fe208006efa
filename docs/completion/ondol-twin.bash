# SPDX-License-Identifier: Apache-2.0
# Completion of ondol-twin(1) for bash. Names of nodes come from the rack that is up.

_ondol_twin_nodes() {
	ondol-twin status --json "$@" 2>/dev/null | sed -n 's/^   "name": "\([a-z0-9-]*\)",\{0,1\}$/\1/p'
}

_ondol_twin() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local options='--dir --help' dir=() operands=0 i
	COMPREPLY=()

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--dir) dir=(--dir "${COMP_WORDS[++i]}") ;;
		-*) ;;
		*) ((++operands)) ;;
		esac
	done
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'up down exec status console fault rack --help' -- "$cur")
		return
	fi
	case $prev in
	--dir | --disks | --images)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--secrets)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--accel)
		mapfile -t COMPREPLY < <(compgen -W 'kvm tcg auto' -- "$cur")
		return
		;;
	esac
	case $command in
	up) options='--nodes --node --secrets --machines --containers --images --memory --cpus --accel --detach --dir --disks --keep-disks --help' ;;
	down) options='--dir --keep-disks --help' ;;
	exec) options='--dir --node --help' ;;
	status) options='--dir --json --help' ;;
	console) options='--dir --follow --help' ;;
	rack) options='--nodes --node --help' ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $command:$operands in
	console:0 | fault:0) mapfile -t COMPREPLY < <(compgen -W "$(_ondol_twin_nodes "${dir[@]}")" -- "$cur") ;;
	fault:*)
		compopt +o filenames -o nospace 2>/dev/null # or the "=" would be quoted
		mapfile -t COMPREPLY < <(compgen -W 'power-ignored boot-ignored no-disk= bad-disk= clock= serial= uuid=' -- "$cur")
		;;
	up:* | down:* | rack:*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}

complete -o filenames -F _ondol_twin ondol-twin
