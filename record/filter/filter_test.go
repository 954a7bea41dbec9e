package filter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/bpf"
)

// What cannot be compiled is refused, with the column of the word.
func TestRefused(t *testing.T) {
	for expression, want := range map[string]string{
		"":                          `column 1: the expression ends, want the beginning of a condition`,
		"  ":                        `column 1: the expression ends`,
		"host example.com":          `column 6: "example.com" is no address; names are not looked up`,
		"tcp port http":             `column 10: "http" is no port; names are not looked up`,
		"net loopback":              `column 5: "loopback" is no network; names are not looked up`,
		"host 3com.example":         `column 6: "3com.example" is neither a number nor an address; names are not looked up`,
		"tcp and vlan 5":            `column 9: "vlan" is not supported`,
		"mpls":                      `column 1: "mpls" is not supported`,
		"ip broadcast":              `column 1: "ip broadcast" is not supported`,
		"gateway 10.0.0.1":          `column 1: "gateway" is not supported`,
		"ip protochain 6":           `column 4: "protochain" is not supported`,
		"example.com":               `column 1: "example.com" is not a word of an expression`,
		"10.0.0.1":                  `column 1: "10.0.0.1" stands alone: host, net or port in front of it says what it is`,
		"80 or port 443":            `column 1: "80" stands alone`,
		"tcp or 80":                 `column 8: "80" stands alone`,
		"port 80 and":               `column 12: the expression ends`,
		"port 80 443":               `column 9: "443" is not "and", "or" or the end`,
		"(port 80":                  `column 9: the expression ends, want ")"`,
		"port 80)":                  `column 8: ")" is not "and", "or" or the end`,
		"port (80 or 443":           `column 16: the expression ends, want ")"`,
		"port 65536":                `column 6: "65536" is not a port from 0 to 65535`,
		"port 99999999999":          `column 6: "99999999999" is no number of 32 bits`,
		"ip port 80":                `column 1: "ip" does not go with "port"`,
		"tcp host 10.0.0.1":         `column 1: "tcp" does not go with "host"`,
		"arp host ::1":              `column 10: an IPv6 address does not go with "arp"`,
		"ip6 host 10.0.0.1":         `column 10: an IPv4 address does not go with "ip6"`,
		"src proto 6":               `column 1: "proto" does not go with "src"`,
		"host 10.0.0":               `column 6: "10.0.0" is not an address`,
		"host 10.0.0.0/8":           `column 14: a prefix length needs "net"`,
		"net 10.0.0.1/8":            `column 5: "10.0.0.1" has bits behind the mask`,
		"net 10.0.0.0/33":           `column 14: "33" is not a prefix length up to 32`,
		"net 2001:db8::1/32":        `column 5: "2001:db8::1" has bits behind its prefix of 32`,
		"net 256":                   `column 5: "256" is no network`,
		"host 02:00:00:00:00:01":    `column 6: an Ethernet address needs "ether" in front`,
		"ether host 10.0.0.1":       `column 12: "10.0.0.1" is not an Ethernet address`,
		"ether":                     `column 6: the expression ends, want src`,
		"ether proto 46":            `column 13: Ethernet type 46 is not supported`,
		`ether proto \udp`:          `column 13: "udp" is not a protocol that is carried by this one`,
		"proto 256":                 `column 7: "256" is not a protocol from 0 to 255`,
		"less tcp":                  `column 6: "tcp" is not a number of bytes`,
		"tcp[13":                    `column 7: the expression ends, want "]"`,
		"tcp[13:3] = 1":             `column 8: "3" is not a size of 1, 2 or 4 bytes`,
		"tcp[13]":                   `column 8: the expression ends, want a relation`,
		"foo[0] = 1":                `column 1: "foo" is not a protocol whose header can be read`,
		"ah[0] = 1":                 `column 1: "ah" is not a protocol`,
		"ip[4294963200] = 1":        `column 4: offset 4294963200 is above 65535`,
		"ip[0] / 0 = 1":             `column 7: division by zero`,
		"ip[0] << 32 = 1":           `column 7: shift by 32 of 32 bits`,
		"é":                         `column 1: 'é' begins no word`,
		"tcp or é":                  `column 8: 'é' begins no word`,
		"not":                       `column 4: the expression ends`,
		strings.Repeat("(", 200):    `nested deeper than 100 levels`,
		strings.Repeat("not ", 200): `nested deeper than 100 levels`,
		strings.Repeat("1+(", 20) + "ip[0]" + strings.Repeat(")", 20) + "=1": `more than 16 numbers`,
		strings.Repeat("x", maxText+1):                                       `column 1: the expression has 16385 bytes`,
		"port 1" + strings.Repeat(" or 2", 1500):                             `column 1: the expression becomes`,
	} {
		program, err := Compile(expression)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %d instructions, %v, want %q", expression, len(program), err, want)
		}
	}
}

// onHardware runs a whole program for a kind of hardware.
func onHardware(t testing.TB, program []bpf.RawInstruction, hardware uint32, frame []byte) bool {
	t.Helper()
	program = append([]bpf.RawInstruction{{K: hardware}}, program[1:]...) // ld #hatype → ld #k
	return accepts(t, machine(t, program), frame)
}

// The whole program is that of the frame's link type.
func TestByHardware(t *testing.T) {
	d := draws{rand.New(rand.NewPCG(1, 1))}
	for _, expression := range []string{"udp port 53", "not tcp", "ip6 or arp", "ether host 02:00:00:00:00:01 or port 80"} {
		program, err := Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		if program[0] != (bpf.RawInstruction{Op: 0x20, K: 0xfffff000 + 28}) {
			t.Fatalf("%q begins with %v, not with the load of the hardware type", expression, program[0])
		}
		for _, l := range []link{ethernet, rawIP} {
			alone, err := compile(expression, l)
			if err != nil {
				t.Fatal(err)
			}
			vm, accepted := machine(t, alone), 0
			for range 500 {
				frame := d.frame(l)
				want := accepts(t, vm, frame)
				if want {
					accepted++
				}
				for _, hardware := range [][]uint32{ethernet: ethernetHardware(), rawIP: rawHardware()}[l] {
					if onHardware(t, program, hardware, frame) != want {
						t.Fatalf("%q: hardware %d, frame %x: want %v", expression, hardware, frame, want)
					}
				}
				if onHardware(t, program, 801, frame) {
					t.Fatalf("%q accepts a frame of 802.11", expression)
				}
			}
			if accepted == 0 {
				t.Errorf("%q accepted none of link %d", expression, l)
			}
		}
	}
}

// Jumps of any length lead where they should.
func TestLongJumps(t *testing.T) {
	needTcpdump(t)
	for _, n := range []int{3, 10, 30, 60} {
		var terms []string
		for i := range n {
			terms = append(terms, fmt.Sprintf("(tcp[%d] = %d or udp port %d)", i%20, i, 8000+i))
		}
		for _, expression := range []string{strings.Join(terms, " or "), "ip6 and (" + strings.Join(terms, " or ") + ") or arp", "not (" + strings.Join(terms, " and ") + ")"} {
			compareWithTcpdump(t, expression, ethernet, uint64(n), 1000)
		}
	}
}

// Whatever the text, there is a program that ends or the column of a word; and no
// frame fulfils both an expression and its negation.
func FuzzCompile(f *testing.F) {
	for _, e := range expressions() {
		f.Add(e, uint64(1))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		program, err := Compile(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > utf8.RuneCountInString(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := Check(program); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		d := draws{rand.New(rand.NewPCG(seed, 1))}
		for _, l := range []link{ethernet, rawIP} {
			yes, err := compile(text, l)
			if err != nil {
				t.Fatal(err)
			}
			no, err := compile("not ("+text+")", l)
			if err != nil {
				if len(text)+6 > maxText || strings.Contains(err.Error(), "nested") || strings.Contains(err.Error(), "becomes") {
					return
				}
				t.Fatalf("%q: negated: %v", text, err)
			}
			a, b := machine(t, yes), machine(t, no)
			for range 20 {
				if frame := d.frame(l); accepts(t, a, frame) && accepts(t, b, frame) {
					t.Fatalf("%q: both it and its negation accept %x", text, frame)
				}
			}
		}
	})
}
