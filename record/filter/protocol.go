package filter

// protocol is what the name of a protocol means.
type protocol struct {
	etherType uint32 // of a network protocol; 0 = none
	number    uint32 // of a transport protocol
	versions  uint8  // of IP that carry it: bit 0 four, bit 1 six
	ports     bool
	access    bool // name[offset] reads its header
}

// protocols by name.
func protocols() map[string]protocol {
	const four, six = 1, 2
	return map[string]protocol{
		"ether": {access: true},
		"ip":    {etherType: etherIP, access: true},
		"ip6":   {etherType: etherIP6, access: true},
		"arp":   {etherType: etherARP, access: true},
		"rarp":  {etherType: etherRARP, access: true},
		"icmp":  {number: 1, versions: four, access: true},
		"igmp":  {number: 2, versions: four, access: true},
		"tcp":   {number: 6, versions: four | six, ports: true, access: true},
		"udp":   {number: 17, versions: four | six, ports: true, access: true},
		"esp":   {number: 50, versions: four | six},
		"ah":    {number: 51, versions: four | six},
		"icmp6": {number: 58, versions: six, access: true},
		"pim":   {number: 103, versions: four | six, access: true},
		"vrrp":  {number: 112, versions: four, access: true},
		"sctp":  {number: 132, versions: four | six, ports: true, access: true},
	}
}

// synonym returns the name that another stands for.
func synonym(name string) string {
	switch name {
	case "link":
		return "ether"
	case "icmpv6":
		return "icmp6"
	}
	return name
}

// abbreviation is the protocol's name alone.
func (p protocol) abbreviation(l link) *condition {
	switch {
	case p.etherType != 0:
		return l.carries(p.etherType)
	case p.versions == 1:
		return l.protocol4(p.number)
	case p.versions == 2:
		return l.protocol6(p.number)
	}
	return l.protocol(p.number)
}

// constants are names of numbers: offsets of fields, flags, and types of messages
// (RFC 9293, 792, 4443).
func constants() map[string]uint32 {
	return map[string]uint32{
		"tcpflags": 13, "icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1,
		"tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
		"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
		"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12,
		"icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
		"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
		"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
		"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132,
		"icmp6-routersolicit": 133, "icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136,
		"icmp6-redirect": 137, "icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
		"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142, "icmp6-multicastlistenerreportv2": 143,
		"icmp6-homeagentdiscoveryrequest": 144, "icmp6-homeagentdiscoveryreply": 145,
		"icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147,
	}
}

// unsupported are words of libpcap that this compiler does not know.
func unsupported() []string {
	return []string{"vlan", "mpls", "pppoed", "pppoes", "geneve", "protochain", "gateway", "inbound", "outbound", "ifname", "on",
		"rnr", "rulenum", "reason", "action", "srnr", "ruleset", "rset", "subrulenum", "fddi", "tr", "wlan", "ppp", "slip", "type", "subtype",
		"dir", "ra", "ta", "addr1", "addr2", "addr3", "addr4", "lat", "moprc", "mopdl", "decnet", "iso", "clnp", "esis", "isis", "stp",
		"ipx", "netbeui", "atalk", "aarp", "sca", "llc", "carp", "igrp", "byte", "lane", "metac", "bcc", "sc", "ilmic", "oam", "oamf4",
		"connectmsg", "metaconnect", "radio", "hopcount", "sio", "opc", "dpc", "sls", "lsu", "lssu", "fisu", "msu", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp"}
}
