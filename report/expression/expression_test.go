package expression

import (
	"errors"
	"strings"
	"testing"
)

var fields = Fields{"name": Text, "process.name": Text, "port": Integer, "bytes": Integer, "rtt_ns": Integer, "ip": Address, "tls": Truth, "none": Integer, "nothing": Text}

// row is a row of fields.
type row map[string]Value

func (r row) Value(name string) Value { return r[name] }

var sample = row{"name": {Text: `py"thon\3`}, "process.name": {Text: "web"}, "port": {Int: 443}, "bytes": {Int: 1_500_000}, "rtt_ns": {Int: 2_500_000},
	"ip": {Text: "10.1.2.3"}, "tls": {True: true}, "none": {Null: true}, "nothing": {Null: true}}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		`port == 443`:                                true,
		`port != 443`:                                false,
		`port == 0x1bb && bytes > 1e6`:               true,
		`bytes >= 1.5e6 and bytes <= 1.5e6`:          true,
		`bytes < 1500000 or port<443`:                false,
		`port in (80, 443)`:                          true,
		`port in (80)`:                               false,
		`rtt_ns == 2.5ms`:                            true,
		`rtt_ns > 2ms && rtt_ns < 1s`:                true,
		`rtt_ns < 1h && rtt_ns > 1us`:                true,
		`name == "py\"thon\\3"`:                      true,
		`name == 'py"thon\\3'`:                       true,
		`name contains "thon"`:                       true,
		`name contains "java"`:                       false,
		`name ~ "^py.*\\d$"`:                         true,
		`name ~ '\d$'`:                               true,
		`process.name in ("web", "db")`:              true,
		`ip == "10.1.2.3"`:                           true,
		`ip == "10.0.0.0/8"`:                         true,
		`ip != "10.0.0.0/8"`:                         false,
		`ip == "2001:db8::/32"`:                      false,
		`ip == "::ffff:10.1.2.3"`:                    true, // as ss shows it of a socket of IPv6
		`ip == "::ffff:10.0.0.0/104"`:                true,
		`ip == "::ffff:11.0.0.0/104"`:                false,
		`ip == "::/0"`:                               false,
		`ip in ("192.0.2.1", "10.1.0.0/16")`:         true,
		`ip contains ".2."`:                          true,
		`tls`:                                        true,
		`!tls`:                                       false,
		`not tls == false`:                           true,
		`tls == true && (port == 1 || !(port == 2))`: true,

		`bytes > port`:         true,
		`port >= bytes`:        false,
		`name != process.name`: true,
		`process.name == name`: false,
		`none < port`:          false,
		`!(none < port)`:       false,

		// NULL is neither.
		`none == 1`:                false,
		`none != 1`:                false,
		`!(none == 1)`:             false,
		`none > 1 || port == 443`:  true,
		`none > 1 && port == 443`:  false,
		`!(none > 1 && port == 1)`: true,
		`none == null`:             true,
		`none != null`:             false,
		`port != null`:             true,
		`nothing contains ""`:      false,

		// && binds more than ||, and ! most.
		`port == 443 || port == 1 && port == 2`: true,
		`!port == 1 && port == 443`:             true,
	} {
		p, err := Compile(text, fields)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.Match(sample); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "column 1: the end is no field",
		`port`:                           "column 5: port is a number, and not compared with anything",
		`port ==`:                        `column 8: port is a number, and the end is not`,
		`port = 443`:                     "column 6: = alone compares nothing",
		`port == "443"`:                  `column 9: port is a number, and "443" is not`,
		`port == 1.5`:                    "column 9: 1.5 is no whole number",
		`port == 1e9999`:                 "column 9: 1e9999 is no whole number",
		`port == 0x1p9`:                  "column 9: 0x1p9 is no whole number",
		`port == 9223372036854775808`:    "column 9: 9223372036854775808 is no whole number",
		`port == 443 443`:                `column 13: "443" is one too many`,
		`name == web`:                    `column 9: name is text, and "web" is not`,
		`name < "web"`:                   "column 6: name is text, and < is for a number",
		`port ~ "4"`:                     "column 6: port is a number, and ~ is for text",
		`name ~ "("`:                     "column 8: no regular expression",
		`ip == "10.0.0"`:                 `column 7: "10.0.0" is no address`,
		`(port == 443`:                   "column 13: a bracket is not closed before the end",
		`port in 443`:                    `column 9: a list stands in brackets`,
		`port in (443`:                   "column 13: the list does not end",
		`name == "web`:                   "column 9: the quotes do not end",
		`é == 1`:                         `column 1: there is no field "é"`,
		`name == "é" && prot == 1`:       `column 16: there is no field "prot"`,
		`port == 1 § 2`:                  `column 11: '§' means nothing here`,
		strings.Repeat("!", 200) + `tls`: "column 101: it is nested more than 100 deep",
	} {
		_, err := Compile(text, fields)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, err := Compile(`proces.name == "x"`, fields)
	if e := err.(*Error); e.Hint != "did you mean process.name?" {
		t.Errorf("the hint is %q", e.Hint)
	}
}

func TestUses(t *testing.T) {
	p, err := Compile(`port == 443 && !tls`, fields)
	if err != nil || !p.Uses("port") || !p.Uses("tls") || p.Uses("name") {
		t.Errorf("%v, %v", p, err)
	}
	n := 0
	for range p.Fields {
		n++
	}
	if n != 2 {
		t.Errorf("%d fields", n)
	}
}

// FuzzCompile holds that every text is an expression that answers, or an Error
// inside the text.
func FuzzCompile(f *testing.F) {
	f.Add(`port == 443 && (name ~ "^a" || !tls) and rtt_ns in (1ms, 2)`)
	f.Add(`ip != "10.0.0.0/8" or none == null`)
	f.Add(`"'\`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(text, fields)
		if err != nil {
			if e := err.(*Error); e.Column < 1 || e.Column > len(text)+1 || e.Message == "" {
				t.Errorf("%q: %+v", text, e)
			}
			return
		}
		p.Match(sample)
	})
}
