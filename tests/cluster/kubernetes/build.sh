# shellcheck shell=bash disable=SC2154 # sourced by cluster
# What is built once: Kubernetes, containerd and both helms from Go modules; the first image.
HELM=v4.3.1
HELM3=v3.22.0
CONTAINERD=v2.2.9
modules=$here/components/go.mod
if [ -n "${KUBERNETES_MINOR:-}" ]; then
	if [ -e "$here/components/$KUBERNETES_MINOR.mod" ]; then
		modules=$here/components/$KUBERNETES_MINOR.mod
	elif ! grep -q "k8s.io/kubernetes v$KUBERNETES_MINOR\." "$modules"; then
		die "KUBERNETES_MINOR=$KUBERNETES_MINOR: neither components/go.mod nor components/$KUBERNETES_MINOR.mod has it"
	fi
fi
KUBERNETES=$(awk '$1 == "k8s.io/kubernetes" {print $2}' "$modules")
program=$bin/kubernetes-$KUBERNETES
parts=$bin/$KUBERNETES # a command for each component

tools() { # what Debian has is installed by tests/packages; here it is only asked for
	local need missing=()
	for need in runc socat ip iptables conntrack nsenter openssl sysctl mmdebstrap; do
		command -v "$need" >/dev/null || missing+=("$need")
	done
	[ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
	[ ${#missing[@]} = 0 ] || die "missing: ${missing[*]} (tests/packages cluster installs them)"
}

compile() { # compile NAME MODULE/PACKAGE@VERSION [LDFLAGS]: the program as $bin/NAME
	[ -x "$bin/$1" ] && return
	say "building $1 from ${2%%@*} ${2##*@}"
	GOBIN=$bin/new CGO_ENABLED=0 GOFLAGS=-buildvcs=false go install -trimpath -tags no_btrfs,no_devmapper,no_zfs \
		-ldflags "-s -w ${3:-}" "$2"
	mv "$bin/new"/* "$bin/$1"
	rmdir "$bin/new"
}

helm() { # helm NAME MAJOR VERSION: it tells charts the Kubernetes that it was made for, as its makers build it
	local module=helm.sh/helm/v$2 minor
	[ -x "$bin/$1" ] && return
	minor=$(cd / && awk '$1 == "k8s.io/client-go" {split($2, part, "."); print part[2]}' \
		"$(go mod download -json "$module@$3" | sed -n 's/.*"GoMod": "\(.*\)",*/\1/p')")
	local flags="-X $module/internal/version.version=$3"
	[ "$2" != 3 ] || flags="$flags -X $module/pkg/chartutil.k8sVersionMajor=1 -X $module/pkg/chartutil.k8sVersionMinor=$minor \
		-X $module/pkg/lint/rules.k8sVersionMajor=1 -X $module/pkg/lint/rules.k8sVersionMinor=$minor"
	compile "$1" "$module/cmd/helm@$3" "$flags"
}

components() { # every component of Kubernetes in one program
	local sum v=-X=k8s.io/component-base/version part
	sum=$(cat "$here/components/main.go" "$modules" "${modules%.mod}.sum" | sha256sum | cut -c1-16)
	if [ ! -x "$program" ] || [ "$(cat "$program.sum" 2>/dev/null)" != "$sum" ]; then
		say "building Kubernetes $KUBERNETES from Go modules (once on a machine, about ten minutes)"
		(cd "$here/components" && CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' go build -trimpath -modfile "$modules" \
			-ldflags "-s -w $v.gitVersion=$KUBERNETES $v.gitMajor=1 $v.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES")" \
			-o "$program" .)
		echo "$sum" >"$program.sum"
	fi
	for part in kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet etcd; do
		mkdir -p "$parts"
		printf '#!/bin/sh\nexec %s %s "$@"\n' "$program" "$part" >"$parts/$part"
		chmod +x "$parts/$part"
	done
}

build() { # what `up` needs
	tools
	mkdir -p "$bin"
	command -v go >/dev/null || [ -x "$program" ] || die "missing: go (https://go.dev; any of 1.21 or later fetches the version it needs)"
	components
	helm helm 4 "$HELM"
	helm helm3 3 "$HELM3"
	local part
	for part in containerd containerd-shim-runc-v2 ctr; do
		compile "$part" "github.com/containerd/containerd/v2/cmd/$part@$CONTAINERD"
	done
	if [ ! -e "$dir/images/pause.tar" ]; then
		command -v gcc >/dev/null || die "missing: gcc (tests/packages cluster installs it)"
		mkdir -p "$dir/images/pause"
		gcc -Os -static -o "$dir/images/pause/pause" "$here/pause.c"
		python3 "$here/mkimage.py" "$dir/images/pause.tar" registry.k8s.io/pause:3.10 "$dir/images/pause" --entrypoint /pause >/dev/null
	fi
}
