package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// everything is what an accepting program returns: as many bytes of a frame as
// there may be (Wireshark's limit for one packet).
const everything = 0x40000

// Kinds of hardware (ARPHRD_*, linux/if_arp.h) by what their frames begin with.
func ethernetHardware() []uint32 { return []uint32{1, 772} }                     // ETHER, LOOPBACK
func rawHardware() []uint32      { return []uint32{0xfffe, 519, 768, 769, 776} } // NONE (tun, WireGuard), RAWIP, TUNNEL, TUNNEL6, SIT

// Compile makes the program of an expression in the language of pcap-filter(7),
// for frames as a Linux packet socket has them: it looks at the hardware type
// first (SKF_AD_HATYPE). The error is an *Error.
func Compile(expression string) ([]bpf.RawInstruction, error) {
	ether, err := compile(expression, ethernet)
	if err != nil {
		return nil, err
	}
	raw, err := compile(expression, rawIP)
	if err != nil {
		return nil, err
	}
	list := []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtLinkLayerType}}
	jump := func(hardware []uint32, behind uint32) { // a jump a piece: over the rest and what is behind it
		for i, h := range hardware {
			rest := uint32(2 * (len(hardware) - i - 1))
			list = append(list, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: h, SkipTrue: 1}, bpf.Jump{Skip: rest + behind})
		}
	}
	jump(ethernetHardware(), uint32(2*len(rawHardware())+1+len(raw)))
	jump(rawHardware(), 1)
	list = append(list, bpf.RetConstant{})
	program, err := bpf.Assemble(list)
	if err != nil {
		return nil, err
	}
	program = append(append(program, raw...), ether...)
	if len(program) > MaxProgram {
		return nil, &Error{1, fmt.Sprintf("the expression becomes %d instructions, at most %d can be had", len(program), MaxProgram)}
	}
	return program, nil
}

// compile makes the program for frames of one link type.
func compile(expression string, l link) ([]bpf.RawInstruction, error) {
	c, err := parse(expression, l)
	if err != nil {
		return nil, err
	}
	return assemble(c)
}
