# shellcheck shell=bash disable=SC2154 # sourced by cluster
# A node as a Debian host, and the host outside that attacks it.

on() { # on HOST COMMAND...: as a shell there would
	local host=$1
	shift
	if [ "$host" = outside ]; then
		CLUSTER_PART=$dir exec nsenter --net=/run/netns/kube-outside "$@"
	fi
	known "$host"
	CLUSTER_PART=$dir exec nsenter --target "$(cat "$dir/pid/node-$host")" --net --mount "$@"
}

daemons() { # daemons NODE: kernel and daemon messages in its /var/log/syslog, files served by TFTP
	local node=${1:-} at=$dir/${1:-} mac need missing=()
	known "$node"
	for need in rsyslogd in.tftpd tftp logrotate; do command -v "$need" >/dev/null || missing+=("$need"); done
	[ ${#missing[@]} = 0 ] || die "missing: ${missing[*]} (tests/packages cluster installs them)"
	lock # tests run side by side
	alive "rsyslogd-$node" && return
	[ -e "$dir/nf_log_all_netns" ] || sysctl -n net.netfilter.nf_log_all_netns >"$dir/nf_log_all_netns"
	sysctl -qw net.netfilter.nf_log_all_netns=1 # without it the kernel logs nothing from a namespace
	mkdir -p "$at/spool" "$at/tftp"
	echo 'configuration of a phone' >"$at/tftp/test.txt"
	mac=$(ip -n "kube-$node" -o link show "$node" | grep -o 'link/ether [^ ]*' | cut -d' ' -f2)
	cat >"$at/rsyslog.conf" <<-R
		global(workDirectory="$at/spool" localHostname="$node")
		module(load="imkmsg")
		module(load="imuxsock" SysSock.Use="off")
		input(type="imuxsock" Socket="$at/log.socket" CreatePath="on" RateLimit.Interval="0" UsePIDFromSystem="on")
		# The nodes share one kernel, and imkmsg reads its whole ring at start: keep this node's packets of today.
		if \$syslogtag startswith "kernel" and not (\$msg contains "MAC=$mac") then stop
		action(type="omfile" file="$at/host/var/log/syslog" fileOwner="root" fileGroup="adm" fileCreateMode="0640")
	R
	spawn "rsyslogd-$node" rsyslogd -n -f "$at/rsyslog.conf" -i "$at/rsyslogd.pid"
	wait_for 10 "rsyslogd of $node" test -S "$at/log.socket"
	# shellcheck disable=SC2016 # expanded in there
	spawn "tftpd-$node" nsenter --net="/run/netns/kube-$node" unshare --mount --propagation private bash -c '
		mount -t tmpfs -o mode=755 tmpfs /dev
		for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "/dev/${device%:*}" c 1 "${device#*:}"; done
		ln -s "$1/log.socket" /dev/log
		exec in.tftpd --foreground --address :69 --user tftp --secure --verbose --verbose "$1/tftp"' - "$at"
}

rotate() { # rotate NODE: as Debian's logrotate does; what its postrotate asks of systemd is asked of rsyslogd itself
	local node=${1:-} at=$dir/${1:-}
	known "$node"
	alive "rsyslogd-$node" || die "rsyslogd of $node is not up: daemons $node starts it"
	{
		echo create
		sed "s|/usr/lib/rsyslog/rsyslog-rotate|kill -s HUP $(cat "$at/rsyslogd.pid")|" /etc/logrotate.d/rsyslog
	} >"$at/logrotate.conf"
	chmod 644 "$at/logrotate.conf"
	on "$node" logrotate --force --state "$at/logrotate.status" "$at/logrotate.conf"
}

attack() { # attack NODE [COUNT]
	local ip work
	known "${1:-}"
	ip=$(node_ip "$1")
	work=$(mktemp -d)
	for _ in $(seq "${2:-20}"); do
		(cd "$work" && nsenter --net=/run/netns/kube-outside timeout 1 tftp "$ip" -c get test.txt >/dev/null 2>&1) || true
	done
	rm -rf "$work"
}
