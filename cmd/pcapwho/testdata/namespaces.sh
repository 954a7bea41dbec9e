#!/bin/sh
# Network namespaces that talk to each other through the one that this runs in, where a
# recorder captures all interfaces:
#
#     namespaces.sh alike RECORDER...       three clients and three servers, all with the same
#                                           addresses and ports at the same time, a bridge a pair
#     namespaces.sh masqueraded RECORDER... clients whose addresses are translated on the way to
#                                           a server, and one that is reached by a published port
#
# RECORDER is a command that takes another one behind it.
set -eu
what=$1
shift
here=$(dirname "$0")
trap 'kill $all 2>/dev/null || true' EXIT
all=

# container NAME ADDRESS: a namespace with that address on eth0; NAME is its other end.
container() {
	unshare --net sleep 100 &
	eval "$1=$!"
	all="$all $!"
	while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep .01; done
	ip link add "$1" type veth peer name eth0 netns $!
	ip link set "$1" up
	within $! ip address add "$2" dev eth0
	within $! ip link set eth0 up
	within $! ip link set lo up
}

within() {
	pid=$1
	shift
	nsenter --net=/proc/"$pid"/ns/net "$@"
}

# server PID ADDRESS PORT: waits until it answers.
server() {
	mkfifo ready
	nsenter --net=/proc/"$1"/ns/net python3 "$here"/adversaries.py server "$2" "$3" >ready &
	all="$all $!"
	read -r word <ready
	rm ready
}

# join BRIDGE NAME...: connects what the names lead to.
join() {
	bridge=$1
	shift
	ip link add "$bridge" type bridge
	ip link set "$bridge" up
	for name in "$@"; do ip link set "$name" master "$bridge"; done
}

ip link set lo up
case $what in
alike)
	clients=
	for n in 1 2 3; do
		container "client$n" 10.0.0.2/24
		container "server$n" 10.0.0.1/24
		join "bridge$n" "client$n" "server$n"
		eval "server \$server$n 10.0.0.1 80; clients=\"\$clients \$client$n\""
	done
	"$@" sh -ec 'here=$1; shift
		for pid in "$@"; do nsenter --net=/proc/$pid/ns/net python3 $here/adversaries.py client 10.0.0.1 80 4000 20 & done
		wait' sh "$here" $clients
	;;
masqueraded)
	container inner 172.17.0.2/24
	container outer 192.0.2.1/24
	ip address add 172.17.0.1/24 dev inner
	ip address add 192.0.2.8/24 dev outer
	within "$inner" ip route add default via 172.17.0.1
	echo 1 >/proc/sys/net/ipv4/ip_forward
	iptables -t nat -A POSTROUTING -s 172.17.0.0/24 -o outer -j MASQUERADE
	iptables -t nat -A PREROUTING -i outer -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
	iptables -t nat -A PREROUTING -i outer -p udp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
	server "$outer" 192.0.2.1 443
	server "$inner" 172.17.0.2 80
	"$@" sh -ec 'nsenter --net=/proc/$2/ns/net python3 $1/adversaries.py clients 192.0.2.1 443 50
		nsenter --net=/proc/$3/ns/net python3 $1/adversaries.py clients 192.0.2.8 8080 50' sh "$here" "$inner" "$outer"
	;;
esac
