#!/bin/sh
# The peer of the quiet minute: what a shell script costs that looks for the prefix in a log's last 100 lines, as a CronJob
# in a BusyBox container ran it each minute. LOG and MONITOR name the files; it mails nothing, as nothing is found.

log_file=$LOG
monitor_log_file=$MONITOR

log() {
	if [ -w "$monitor_log_file" ]; then
		echo "$(date +"%b %d %T"): $1" | tee -a "$monitor_log_file"
	else
		echo "$(date +"%b %d %T"): $1"
	fi
}

log "Start script $0"
if [ -r "$log_file" ]; then
	log "Checked file: $log_file exists. Proceed with TFTP check."
else
	log "Checked file: $log_file is not available for read. Stop execution."
	exit 1
fi
found=$(tail -n 100 "$log_file" | grep "IPTables-TFTP-Rejected" | awk -F "SRC=" '{print $2}' | sed '/^$/d' | awk -F " DST=" '{print $1}' | sort | uniq -c | sort -k 1)
if [ -z "$found" ]; then
	log "Brute-force attempts have not been detected!"
else
	log "$found"
	exit 1
fi
