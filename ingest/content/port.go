package content

import "github.com/pcapwho/pcapwho/ingest/flow"

// ByPort returns the application that usually has a server port, "" where none is
// known: a guess. The names are those of Application where that has one.
func ByPort(protocol flow.Protocol, port uint16) string {
	switch protocol {
	case flow.TCP:
		return tcpPort(port)
	case flow.UDP:
		return udpPort(port)
	}
	return ""
}

func tcpPort(port uint16) string {
	switch port {
	case 20, 21:
		return "ftp"
	case 22:
		return "ssh"
	case 23:
		return "telnet"
	case 25, 587:
		return "smtp"
	case 53:
		return "dns"
	case 80, 8000, 8008, 8080, 8888:
		return "http"
	case 88:
		return "kerberos"
	case 110:
		return "pop3"
	case 111:
		return "portmap"
	case 119:
		return "nntp"
	case 135:
		return "epmap"
	case 139, 445:
		return "smb"
	case 143:
		return "imap"
	case 179:
		return "bgp"
	case 389:
		return "ldap"
	case 443, 465, 563, 636, 853, 989, 990, 993, 995, 6443, 8443, 8883:
		return "tls"
	case 515:
		return "lpd"
	case 554:
		return "rtsp"
	case 873:
		return "rsync"
	case 1433:
		return "mssql"
	case 1521:
		return "oracle"
	case 1883:
		return "mqtt"
	case 2049:
		return "nfs"
	case 3306:
		return "mysql"
	case 3389:
		return "rdp"
	case 5060:
		return "sip"
	case 5222, 5269:
		return "xmpp"
	case 5432:
		return "postgresql"
	case 5672:
		return "amqp"
	case 5900:
		return "vnc"
	case 6379:
		return "redis"
	case 6667:
		return "irc"
	case 9042:
		return "cassandra"
	case 9092:
		return "kafka"
	case 9418:
		return "git"
	case 11211:
		return "memcached"
	case 27017:
		return "mongodb"
	}
	return ""
}

func udpPort(port uint16) string {
	switch port {
	case 53:
		return "dns"
	case 67, 68:
		return "dhcp"
	case 69:
		return "tftp"
	case 88:
		return "kerberos"
	case 111:
		return "portmap"
	case 123:
		return "ntp"
	case 137, 138:
		return "netbios"
	case 161, 162:
		return "snmp"
	case 443:
		return "quic"
	case 500, 4500:
		return "ike"
	case 514:
		return "syslog"
	case 546, 547:
		return "dhcpv6"
	case 1194:
		return "openvpn"
	case 1812, 1813:
		return "radius"
	case 1900:
		return "ssdp"
	case 2049:
		return "nfs"
	case 3478:
		return "stun"
	case 5060:
		return "sip"
	case 5353:
		return "mdns"
	case 5355:
		return "llmnr"
	case 6343:
		return "sflow"
	case 51820:
		return "wireguard"
	}
	return ""
}
