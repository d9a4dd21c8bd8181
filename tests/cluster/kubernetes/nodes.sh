# shellcheck shell=bash disable=SC2154 # sourced by cluster
# The nodes: their network, their containerd, kubelet and kube-proxy, and the images that they have.
PYTHON=localhost/python:3.11-bookworm

networks() { # a switch, one namespace per node, and one for an outsider
	local host peer ip
	ip netns list | grep -q '^kube-switch' && return
	mountpoint -q /run/netns || { mkdir -p "$dir/made" && touch "$dir/made/netns"; }
	ip netns add kube-switch
	ip -n kube-switch link add br0 type bridge
	ip -n kube-switch link set br0 up
	for host in "$@" outside; do
		ip netns add "kube-$host"
		ip -n "kube-$host" link set lo up
		ip -n "kube-$host" link add "$host" type veth peer name "$host" netns kube-switch
		ip -n kube-switch link set "$host" master br0 up
		if [ "$host" = outside ]; then ip=$net.100; else ip=$(node_ip "$host"); fi
		ip -n "kube-$host" addr add "$ip/24" dev "$host"
		ip -n "kube-$host" addr add "fd99::${ip##*.}/64" dev "$host" nodad
		ip -n "kube-$host" link set "$host" up
	done
	for host in "$@"; do
		nsenter --net="/run/netns/kube-$host" sysctl -qw net.ipv4.ip_forward=1
		for peer in "$@"; do
			[ "$host" = "$peer" ] || ip -n "kube-$host" route add "10.244.${peer#node}.0/24" via "$(node_ip "$peer")"
		done
	done
}

remove_networks() {
	local host
	for host in $(ip netns list | grep -o '^kube-[a-z0-9]*'); do ip netns del "$host"; done
	if [ -e "$dir/made/netns" ] && [ -z "$(ip netns list)" ]; then # `ip netns add` mounts it at its first call
		umount /run/netns && rmdir /run/netns
	fi
}

folder() { # folder PATH: a folder of this machine's that `down` removes if it was not there before
	[ ! -e "/$1" ] || return 0
	mkdir -p "/$1" "$dir/made/$(dirname "$1")"
	touch "$dir/made/$1"
}

node() { # node NAME: containerd, kubelet and kube-proxy in the node's namespaces
	local node=$1 at=$dir/$1
	alive "node-$node" && return
	folder host_logs # each node mounts its own there
	folder run/containerd
	mkdir -p "$at"/{cni,containerd,kubelet,host/var/log,host/var/lib} /run/"cluster-$node"
	chmod 755 "$at/host" "$at/host/var" "$at/host/var/log" "$at/host/var/lib"
	network_settings "$node" >"$at/cni/10-bridge.conflist"
	containerd_settings "$node" >"$at/containerd.toml"
	kubelet_settings "$node" >"$at/kubelet.yaml"
	cgroups "$node"
	# The node's own mount namespace: the kubelet may not retune this machine's kernel, and
	# hostPath /var/log, /var/lib/... and /host_logs of a pod are this node's, not the machine's.
	spawn "node-$node" nsenter --net="/run/netns/kube-$node" unshare --mount --propagation private \
		bash "$here/node.sh" "$dir" "$parts" "$node" "$(node_ip "$node")"
	wait_for 60 "containerd of $node" "$bin/ctr" --address "/run/cluster-$node/containerd.sock" version
	import "$node" "$dir/images/pause.tar"
}

cgroups() {
	local controller knob
	for controller in cpu cpuacct cpuset memory pids blkio devices freezer systemd; do
		mkdir -p "/sys/fs/cgroup/$controller/cluster-$1"
	done
	for knob in cpus mems; do cat "/sys/fs/cgroup/cpuset/cpuset.$knob" >"/sys/fs/cgroup/cpuset/cluster-$1/cpuset.$knob"; done
}

network_settings() {
	cat <<-J
		{"cniVersion": "1.0.0", "name": "pods", "plugins": [
		 {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
		  "ipam": {"type": "host-local", "dataDir": "$dir/$1/ipam", "routes": [{"dst": "0.0.0.0/0"}],
		           "ranges": [[{"subnet": "10.244.${1#node}.0/24"}]]}},
		 {"type": "portmap", "capabilities": {"portMappings": true}}]}
	J
}

containerd_settings() {
	cat <<-T
		version = 3
		root = "$dir/$1/containerd/root"
		state = "/run/cluster-$1/state"
		oom_score = 0
		disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
		[grpc]
		address = "/run/cluster-$1/containerd.sock"
		[ttrpc]
		address = "/run/cluster-$1/containerd.sock.ttrpc"
		[plugins."io.containerd.cri.v1.images"]
		snapshotter = "overlayfs"
		[plugins."io.containerd.cri.v1.images".pinned_images]
		sandbox = "registry.k8s.io/pause:3.10"
		[plugins."io.containerd.cri.v1.runtime"]
		restrict_oom_score_adj = true
		disable_apparmor = true
		[plugins."io.containerd.cri.v1.runtime".containerd]
		default_runtime_name = "runc"
		[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
		runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
		SystemdCgroup = false
		[plugins."io.containerd.cri.v1.runtime".cni]
		bin_dirs = ["/usr/lib/cni"]
		conf_dir = "$dir/$1/cni"
	T
}

kubelet_settings() {
	cat <<-Y
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		containerRuntimeEndpoint: unix:///run/cluster-$1/containerd.sock
		address: $(node_ip "$1")
		readOnlyPort: 0
		authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
		authorization: {mode: AlwaysAllow}
		cgroupDriver: cgroupfs
		cgroupRoot: /cluster-$1
		kubeletCgroups: ""
		cgroupsPerQOS: true
		enforceNodeAllocatable: [pods]
		failSwapOn: false
		failCgroupV1: false
		featureGates: {KubeletInUserNamespace: true}
		evictionHard: {nodefs.available: "1%", memory.available: "50Mi", imagefs.available: "1%", nodefs.inodesFree: "1%"}
		imageGCHighThresholdPercent: 100
		localStorageCapacityIsolation: false
		syncFrequency: 10s
		serializeImagePulls: false
		shutdownGracePeriod: 0s
		clusterDNS: []
		resolvConf: /dev/null
	Y
}

import() { # import NODE IMAGE.tar
	"$bin/ctr" --address "/run/cluster-$1/containerd.sock" -n k8s.io images import "$2" >"$dir/log/import-$1.log" 2>&1 ||
		die "$2 could not be imported on $1: $(tail -n 1 "$dir/log/import-$1.log")"
}

load() { # load IMAGE.tar
	local node
	[ -r "${1:-}" ] || die "cannot be read: ${1:-no archive named}"
	for node in $(nodes); do import "$node" "$1"; done
}

image() { # image NAME LAYER...
	local out=$dir/images/${1//[\/:]/_}.tar
	python3 "$here/mkimage.py" "$out" "$@"
	load "$out"
}

python() { # made once; loaded where it is missing
	local node out=$dir/images/${PYTHON//[\/:]/_}.tar
	lock # tests run side by side
	if [ ! -e "$out" ]; then
		say "making a root file system with Debian's Python"
		rm -rf --one-file-system "$dir/images"/python{,.part}
		mmdebstrap --quiet --format=directory --variant=essential --include=python3,ca-certificates,tzdata bookworm "$dir/images/python"
		python3 "$here/mkimage.py" "$out.part" "$PYTHON" "$dir/images/python" --cmd python3 >/dev/null
		mv "$out.part" "$out"
	fi
	for node in $(nodes); do
		[ -n "$("$bin/ctr" --address "/run/cluster-$node/containerd.sock" -n k8s.io images list -q "name==$PYTHON" 2>/dev/null)" ] || import "$node" "$out"
	done
}
