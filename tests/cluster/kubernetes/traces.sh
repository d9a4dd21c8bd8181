# shellcheck shell=bash disable=SC2154 # sourced by cluster
# What of a cluster there is on this machine: how `down` finds it, and how `with` proves that nothing of it is left.

processes() { # the processes: what a cluster started carries its mark in the environment, what a pod runs is in its cgroups
	{
		grep -lsz "^CLUSTER_PART=$dir\$" /proc/[0-9]*/environ | cut -d/ -f3
		find /sys/fs/cgroup -path '*/cluster-node*' -name cgroup.procs -exec cat {} + 2>/dev/null
	} | sort -un | sed '/^0$/d'
}

end_parts() { # asked to end, then ended; a pod's first process hears only the latter
	local end=$((SECONDS + 20)) signal=TERM pid
	while pid=$(processes | xargs) && [ -n "$pid" ]; do
		# shellcheck disable=SC2086 # one word each
		kill -s "$signal" $pid 2>/dev/null
		[ $SECONDS -lt $end ] || die "cannot be ended: $pid"
		sleep 0.5
		signal=KILL
	done
}

traces() {
	local pid path
	for pid in $(processes); do echo "process $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-80)"; done
	ip netns list | sed 's/ .*//; s/^/namespace /'
	ip -o link show | sed 's/^[0-9]*: \([^:@]*\).*/link \1/'
	cut -d' ' -f2 /proc/mounts | sed 's/^/mount /' | sort
	find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d | sed 's/^/cgroup /' | sort
	for path in /host_logs /run/{cluster-*,containerd,runc,netns,cni,kubernetes} /var/lib/{cni,kubelet,containerd} "$dir"/*; do
		case $path in "$bin" | "$dir/images" | *"*"*) continue ;; esac
		[ ! -e "$path" ] || echo "path $path"
	done
	rules | sed 's/^/rule /'
	sysctl net.netfilter.nf_log_all_netns net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic \
		kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes 2>/dev/null | sed 's/^/knob /' || true
}

rules() { # of this machine's own firewall, without counters
	local save
	for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
		! command -v "$save" >/dev/null || "$save" 2>/dev/null | sed '/^#/d; s/\[[0-9:]*\]//' || true
	done
	! command -v nft >/dev/null || nft --stateless list ruleset 2>/dev/null || true
}
