package attribute

import "github.com/pcapwho/pcapwho/ingest/packet"

// checkOwners returns for how many packets Owners does not tell what Find does.
func checkOwners(r *Result, packets []packet.Packet) (wrong int, err error) {
	type told struct {
		connection          uint64
		source, destination Owner
		duplicate           bool
	}
	want := make([]told, len(packets))
	r.Rewind()
	for i := range packets {
		c, source, destination, err := r.Find(&packets[i])
		if err != nil {
			return 0, err
		}
		want[i] = told{source: source.Owner(), destination: destination.Owner(), duplicate: r.Duplicate()}
		if c != nil {
			want[i].connection = c.ID
		}
	}
	r.Rewind()
	for i := range packets {
		r.Prepare(packets[i:])
		connection, source, destination, err := r.Owners(&packets[i])
		if err != nil {
			return 0, err
		}
		if got := (told{connection, source, destination, r.Duplicate()}); got != want[i] {
			wrong++
		}
	}
	return wrong, nil
}
