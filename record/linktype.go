package record

// linkType returns the pcapng link type (LINKTYPE_*, tcpdump.org/linktypes)
// of what a packet socket delivers for a kind of hardware (ARPHRD_*,
// linux/if_arp.h), and whether there is one. The others (PPP, Infiniband,
// netlink monitors) deliver frames whose header no link type describes.
func linkType(hardware uint16) (uint16, bool) {
	switch hardware {
	case arphrdEther, arphrdLoopback:
		return 1, true
	case 0xfffe, 519, 768, 769, 776: // NONE (tun, WireGuard), RAWIP, TUNNEL, TUNNEL6, SIT
		return 101, true
	case 801: // IEEE80211
		return 105, true
	case 802: // IEEE80211_PRISM
		return 119, true
	case 803: // IEEE80211_RADIOTAP
		return 127, true
	}
	return 0, false
}
