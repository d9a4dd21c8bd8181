# shellcheck shell=bash disable=SC2154 # sourced by cluster
# The control plane, on node1: certificates and tokens, etcd, the API server, controllers and scheduler.

secrets() {
	[ -e "$dir/pki/sa.key" ] && return
	mkdir -p "$dir/pki"
	chmod 700 "$dir/pki"
	openssl genrsa -out "$dir/pki/sa.key" 2048 2>/dev/null
	openssl rsa -in "$dir/pki/sa.key" -pubout -out "$dir/pki/sa.pub" 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=cluster-ca \
		-keyout "$dir/pki/ca.key" -out "$dir/pki/ca.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout "$dir/pki/api.key" -out "$dir/pki/api.csr" 2>/dev/null
	openssl x509 -req -in "$dir/pki/api.csr" -CA "$dir/pki/ca.crt" -CAkey "$dir/pki/ca.key" -CAcreateserial -days 3650 \
		-extfile <(echo "subjectAltName=IP:127.0.0.1,IP:$net.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost") \
		-out "$dir/pki/api.crt" 2>/dev/null
	tokens
}

tokens() { # a token and a kubeconfig for each component
	local who name group token
	: >"$dir/pki/tokens.csv"
	for who in admin:system:masters kube-controller-manager: kube-scheduler: kube-proxy: node1:system:nodes node2:system:nodes; do
		token=$(head -c 24 /dev/urandom | base64 | tr -d '+/=')
		name=${who%%:*} group=${who#*:}
		case $name in
		admin) echo "$token,admin,admin,\"$group\"" ;;
		node*) echo "$token,system:node:$name,$name,\"$group\"" ;;
		*) echo "$token,system:$name,$name" ;;
		esac >>"$dir/pki/tokens.csv"
		kubeconfig "$api" "$token" >"$dir/pki/$name.conf"
		if [ "$name" = admin ]; then (umask 077 && kubeconfig "https://127.0.0.1:$port" "$token" >"$dir/kubeconfig"); fi
	done
}

kubeconfig() { # kubeconfig SERVER TOKEN
	cat <<-Y
		apiVersion: v1
		kind: Config
		clusters: [{name: c, cluster: {server: "$1", certificate-authority: $dir/pki/ca.crt}}]
		users: [{name: u, user: {token: "$2"}}]
		contexts: [{name: c, context: {cluster: c, user: u}}]
		current-context: c
	Y
}

control_plane() {
	alive apiserver && return
	spawn etcd nsenter --net=/run/netns/kube-node1 "$parts/etcd" --data-dir "$dir/etcd" --unsafe-no-fsync \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster default=http://127.0.0.1:2380 --log-level warn
	spawn apiserver nsenter --net=/run/netns/kube-node1 "$parts/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
		--advertise-address "$net.1" --secure-port 6443 --tls-cert-file "$dir/pki/api.crt" --tls-private-key-file "$dir/pki/api.key" \
		--token-auth-file "$dir/pki/tokens.csv" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
		--service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/pki/sa.pub" \
		--service-account-signing-key-file "$dir/pki/sa.key" --service-cluster-ip-range 10.96.0.0/16 \
		--allow-privileged --kubelet-preferred-address-types InternalIP --endpoint-reconciler-type master-count
	spawn door socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" "EXEC:nsenter --net=/run/netns/kube-node1 socat STDIO TCP\\:$net.1\\:6443"
	wait_for 90 "the API server" kubectl get --raw /readyz
	spawn controllers nsenter --net=/run/netns/kube-node1 "$parts/kube-controller-manager" --kubeconfig "$dir/pki/kube-controller-manager.conf" \
		--service-account-private-key-file "$dir/pki/sa.key" --root-ca-file "$dir/pki/ca.crt" --use-service-account-credentials \
		--leader-elect=false --concurrent-gc-syncs 2
	spawn scheduler nsenter --net=/run/netns/kube-node1 "$parts/kube-scheduler" --kubeconfig "$dir/pki/kube-scheduler.conf" --leader-elect=false
}
