#!/bin/bash
# guard.sh   wait for the end of standard input, then stop this lab instance
#            and remove its directory.
# Whoever uses the lab keeps the write end of a pipe open; however that process
# ends, the kernel closes the pipe and nothing of the lab stays behind.
set -uo pipefail
trap '' HUP INT TERM
while read -r _; do :; done
exec "$(dirname "${BASH_SOURCE[0]}")/down.sh" -r
