package pcapng_test

import (
	"bytes"
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
