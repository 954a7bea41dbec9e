package record

import (
	"encoding/binary"
	"fmt"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Numbers of linux/netfilter/nfnetlink.h and linux/netfilter/nfnetlink_conntrack.h.
const (
	conntrackNew     = 1 << 8 // NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
	conntrackGet     = 1<<8 | 1
	conntrackDelete  = 1<<8 | 2
	groupNew         = 1 // NFNLGRP_CONNTRACK_NEW
	groupDestroy     = 3
	filterMessage    = 4 // struct nfgenmsg
	tupleOriginal    = 1 // CTA_TUPLE_ORIG
	tupleReply       = 2 // CTA_TUPLE_REPLY
	tupleIP          = 1 // CTA_TUPLE_IP
	tuplePorts       = 2 // CTA_TUPLE_PROTO
	tupleSource4     = 1 // CTA_IP_V4_SRC, and in this order V4_DST, V6_SRC, V6_DST
	tupleSource6     = 3
	tupleProtocol    = 1 // CTA_PROTO_NUM
	tupleSourcePort  = 2 // CTA_PROTO_SRC_PORT
	tupleDestination = 3 // CTA_PROTO_DST_PORT
)

// parseTranslation reads struct nfgenmsg and the attributes of a connection that the
// kernel tracks. ok is false where its packets stay as they are, and where it has
// no ports.
func parseTranslation(kind uint16, m []byte) (n connlog.NAT, ok bool, err error) {
	switch kind {
	case conntrackNew:
		n.Change = connlog.TranslationOpen
	case conntrackDelete:
		n.Change = connlog.TranslationClose
	default:
		return n, false, nil
	}
	if len(m) < filterMessage {
		return n, false, fmt.Errorf("conntrack: message of %d bytes, need %d", len(m), filterMessage)
	}
	var original, reply flow.FiveTuple
	var failed error
	err = eachAttribute("conntrack", m[filterMessage:], func(kind uint16, value []byte) {
		switch kind {
		case tupleOriginal:
			original, failed = parseTuple(value, failed)
		case tupleReply:
			reply, failed = parseTuple(value, failed)
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return n, false, err
	}
	after := reply.Reverse()
	n.Protocol, n.Source, n.Destination, n.NewSource, n.NewDestination = original.Protocol, original.From(), original.To(), after.From(), after.To()
	switch n.Protocol {
	case flow.TCP, flow.UDP, flow.SCTP:
		return n, original != after && reply.Protocol == original.Protocol, nil
	}
	return n, false, nil
}

// parseTuple reads one direction of a connection. It passes an error on.
func parseTuple(b []byte, failed error) (t flow.FiveTuple, err error) {
	address := func(kind uint16, value []byte) {
		var a flow.Addr
		switch {
		case kind < tupleSource6 && len(value) == 4:
			a = flow.AddrFrom4(binary.BigEndian.Uint32(value))
		case kind >= tupleSource6 && len(value) == 16:
			a = flow.AddrFrom16(value)
		default:
			return
		}
		if kind == tupleSource4 || kind == tupleSource6 {
			t.Source = a
		} else {
			t.Destination = a
		}
	}
	port := func(kind uint16, value []byte) {
		switch {
		case kind == tupleProtocol && len(value) == 1:
			t.Protocol = flow.Protocol(value[0])
		case kind == tupleSourcePort && len(value) == 2:
			t.SourcePort = binary.BigEndian.Uint16(value)
		case kind == tupleDestination && len(value) == 2:
			t.DestinationPort = binary.BigEndian.Uint16(value)
		}
	}
	err = eachAttribute("conntrack", b, func(kind uint16, value []byte) {
		var e error
		switch kind {
		case tupleIP:
			e = eachAttribute("conntrack", value, address)
		case tuplePorts:
			e = eachAttribute("conntrack", value, port)
		}
		if failed == nil {
			failed = e
		}
	})
	if failed != nil {
		err = failed
	}
	return t, err
}
