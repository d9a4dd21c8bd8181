#!/bin/bash
# What runs inside a node's own network and mount namespaces: containerd, kubelet, kube-proxy. One of them gone, all go.
set -euo pipefail
dir=$1 parts=$2 node=$3 ip=$4
at=$dir/$node

# The kubelet tunes the kernel at start. Here it tunes copies of those knobs, not this machine.
mkdir -p "$at/knobs"
for knob in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
	cat "/proc/sys/$knob" >"$at/knobs/${knob//\//.}"
	mount --bind "$at/knobs/${knob//\//.}" "/proc/sys/$knob"
done

# The node's own pod namespaces and shims, and its disk: what a pod sees through hostPath /var/log, /var/lib/... and /host_logs.
mkdir -p "$at/netns" "$at/shims" "$at/host/var/log" "$at/host/var/lib"
mount --bind "$at/netns" /run/netns
mount --bind "$at/shims" /run/containerd # where they put their sockets, whatever containerd is told
mount --bind "$at/host/var/log" /var/log
mount --bind "$at/host/var/lib" /var/lib
mount --bind "$at/host/var/log" /host_logs # as `minikube start --mount-string=/var/log:/host_logs` does
mount --bind "$at/kubelet" "$at/kubelet"
mount --make-rshared /

PATH=$dir/bin:$PATH "$dir/bin/containerd" --config "$at/containerd.toml" >"$dir/log/containerd-$node.log" 2>&1 &
until [ -S "/run/cluster-$node/containerd.sock" ]; do sleep 0.1; done
"$parts/kubelet" --config "$at/kubelet.yaml" --kubeconfig "$dir/pki/$node.conf" --root-dir "$at/kubelet" \
	--hostname-override "$node" --node-ip "$ip" >"$dir/log/kubelet-$node.log" 2>&1 &
"$parts/kube-proxy" --kubeconfig "$dir/pki/kube-proxy.conf" --hostname-override "$node" --proxy-mode iptables \
	--cluster-cidr 10.244.0.0/16 --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0 \
	--bind-address "$ip" >"$dir/log/kube-proxy-$node.log" 2>&1 &
wait -n || true
echo "a part of $node has ended" >&2
kill 0
