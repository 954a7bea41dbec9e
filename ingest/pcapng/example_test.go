package pcapng_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// A capture is written, cut, and read as far as it goes.
func Example() {
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, pcapng.SectionHeader{Application: "example"})
	if err != nil {
		fmt.Println(err)
	}
	lo, _ := w.AddInterface(pcapng.InterfaceDescription{Name: "lo", LinkType: pcapng.LinkEthernet})
	for i := range 3 {
		p := pcapng.EnhancedPacket{Interface: lo, Time: 1_795_556_050_000_000_000 + int64(i), Data: make([]byte, 60), WireLength: 1514}
		if err := w.WritePacket(&p); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Flush(); err != nil { // the first error of all
		fmt.Println(err)
	}
	file.Truncate(file.Len() - 5)

	r, err := pcapng.NewReader(&file, "run.pcapng")
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		var p pcapng.Record
		err := r.Next(&p)
		var malformed *pcapng.FormatError
		switch {
		case err == io.EOF:
			return
		case errors.As(err, &malformed):
			fmt.Println("damaged:", err)
		case err != nil:
			fmt.Println(err)
			return
		default:
			fmt.Println(r.Interfaces()[p.Interface].Name, p.Time, len(p.Data), p.WireLength)
		}
	}
	// Output:
	// lo 1795556050000000000 60 1514
	// lo 1795556050000000001 60 1514
	// damaged: run.pcapng: block 5 (offset 0x10c): the file is cut here, 87 bytes into a block or record
}

// A capture is copied with a comment on every second packet, and everything
// else as it stands.
func ExampleWriter_WriteBlock() {
	var file, copied bytes.Buffer
	w, _ := pcapng.NewWriter(&file, pcapng.SectionHeader{OS: "example"})
	w.AddInterface(pcapng.InterfaceDescription{Name: "lo", LinkType: pcapng.LinkEthernet})
	for i := range 4 {
		w.WritePacket(&pcapng.EnhancedPacket{Time: int64(i), Data: make([]byte, 60), WireLength: 60})
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}

	r, err := pcapng.NewReader(&file, "run.pcapng")
	if err != nil {
		fmt.Println(err)
		return
	}
	var b pcapng.Block
	var out *pcapng.Writer
	for n := 0; ; {
		err := r.NextBlock(&b)
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err) // and go on behind it
			continue
		}
		content, err := b.Decode()
		if err != nil {
			content = &pcapng.RawBlock{BlockType: b.Type, Body: b.Body}
		}
		if p, ok := content.(*pcapng.PacketBlock); ok {
			if n++; n%2 == 0 {
				p.Options = append(pcapng.Options{pcapng.TextOption(pcapng.OptionComment, "even")}, p.Options...)
			}
			fmt.Printf("packet at %d ns: %q\n", r.Time(p.Interface, p.Timestamp), p.Options.Text(pcapng.OptionComment))
		}
		if out == nil {
			out = pcapng.NewBlockWriter(&copied, b.Order)
		}
		if err := out.WriteBlock(content); err != nil {
			fmt.Println(err)
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// packet at 0 ns: ""
	// packet at 1 ns: "even"
	// packet at 2 ns: ""
	// packet at 3 ns: "even"
}

// Some programs write into a capture which process each packet belongs to.
func ExampleReader_Marks() {
	var file []byte
	for _, c := range []pcapng.Content{
		&pcapng.SectionBlock{Major: 1, Length: -1},
		&pcapng.InterfaceBlock{LinkType: pcapng.LinkEthernet},
		&pcapng.PacketBlock{Options: pcapng.Options{pcapng.TextOption(pcapng.OptionComment, "PID: 7\nCmd: /usr/bin/curl\nArgs: curl example.com")}},
		&pcapng.PacketBlock{},
	} {
		file = pcapng.AppendBlock(file, binary.LittleEndian, c)
	}
	r, err := pcapng.NewReader(bytes.NewReader(file), "run.pcapng")
	if err != nil {
		fmt.Println(err)
		return
	}
	for p := (pcapng.Record{}); r.Next(&p) == nil; {
		if p.Mark == 0 {
			fmt.Println("nobody")
			continue
		}
		m := r.Marks()[p.Mark-1]
		fmt.Println(m.PID, m.Name, "by", m.Origin)
	}
	// Output:
	// 7 curl by ptcpdump
	// nobody
}
