#!/bin/sh
# pipeline.sh LOG: the same script's statistics over a whole log, with the tools that PATH names.
AWK=${AWK:-gawk}
# shellcheck disable=SC2002,SC2016 # as it was written; awk's dollars
cat "$1" | grep "IPTables-TFTP-Rejected" | $AWK -F "SRC=" '{print $2}' | sed '/^$/d' | $AWK -F " DST=" '{print $1}' |
	sort | uniq -c | sort -k 1
