# SPDX-License-Identifier: Apache-2.0
# fish: what jwk11 itself says may come next.
function __jwk11_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	for line in ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null </dev/null)
		switch $line
			case :files
				__fish_complete_path "$current"
			case :dirs
				__fish_complete_directories "$current"
			case '*'
				printf '%s\n' $line
		end
	end
end
complete -c jwk11 -f -a '(__jwk11_complete)'
