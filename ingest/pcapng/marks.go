package pcapng

// marks are the processes that a file names for its packets.
type marks struct {
	list []Mark
}
