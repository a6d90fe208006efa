# SPDX-License-Identifier: Apache-2.0
# Completion of ondol(1) for bash. Names of nodes come from ondold, when it answers.

_ondol_nodes() {
	local socket=()
	[[ -n $1 ]] && socket=(--socket "$1")
	ondol status --json "${socket[@]}" 2>/dev/null |
		sed -n 's/^      "name": "\([a-z0-9-]*\)",\{0,1\}$/\1/p'
}

_ondol() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='init check plan apply status why reinstall cancel maintenance power identify sensors sel console prove update image token ca metrics cloud version help'
	local command='' socket='' options i
	COMPREPLY=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket) socket=${COMP_WORDS[++i]} ;;
		--secrets | --roles | --wipe | --timeout | --ca | --role | --images | --site | --kit) ((i++)) ;;
		-*) ;;
		*) [[ -z $command ]] && command=${COMP_WORDS[i]} ;;
		esac
	done
	case $prev in
	--socket | --secrets | --ca)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--roles | --images | --site | --kit)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--role)
		mapfile -t COMPREPLY < <(compgen -W 'viewer operator' -- "$cur")
		return
		;;
	--wipe | --timeout) return ;;
	esac
	case $command in
	'') options='--socket --help' ;;
	check) options='--secrets --no-secrets --roles --json' ;;
	plan) options='--secrets --wipe --json' ;;
	apply) options='--secrets --wipe --yes --no-wait --timeout --json' ;;
	status) options='--json --watch --timeout' ;;
	why) options='--all --json' ;;
	reinstall) options='--wipe --look --yes --no-wait --timeout --json' ;;
	power) options='--yes --json' ;;
	identify | sensors | cancel | maintenance) options='--json' ;;
	console) options='--read-only --log --json' ;;
	sel) options='--clear --yes --json' ;;
	prove) options='--timeout --json' ;;
	update) options='--yes --timeout --json' ;;
	image) options='--images --site --kit --yes --json' ;;
	token) options='--role --json' ;;
	cloud) options='--wait --json --student --ca --timeout --yes' ;;
	*) options='' ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options --socket --help" -- "$cur")
		return
	fi
	case $command in
	'' | help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	check | plan | apply) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	power)
		if [[ $prev == power ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_ondol_nodes "$socket")" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W 'status on off cycle reset soft bmc-reset' -- "$cur")
		fi
		;;
	maintenance)
		if [[ $prev == maintenance ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_ondol_nodes "$socket")" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur")
		fi
		;;
	token)
		[[ $prev != token ]] || mapfile -t COMPREPLY < <(compgen -W 'add list revoke' -- "$cur")
		;;
	image)
		case $prev in
		image) mapfile -t COMPREPLY < <(compgen -W 'build list verify prune' -- "$cur") ;;
		build) mapfile -t COMPREPLY < <(compgen -W 'core full guest' -- "$cur") ;;
		verify) mapfile -t COMPREPLY < <(compgen -W 'core full' -- "$cur") ;;
		esac
		;;
	cloud)
		case $prev in
		cloud) mapfile -t COMPREPLY < <(compgen -W 'status openrc dashboard ca backup restore' -- "$cur") ;;
		backup | restore) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		esac
		;;
	status | why | reinstall | cancel | prove | update | identify | sensors | sel | console)
		mapfile -t COMPREPLY < <(compgen -W "$(_ondol_nodes "$socket")" -- "$cur")
		;;
	esac
}

complete -o filenames -F _ondol ondol
